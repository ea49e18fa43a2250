/** What this person brings into a call: microphone, camera, screen. Knows no gateway and no component. */
import type { CallMedia } from '../wire/calls'
import type { Storage } from '../wire/store'
import { Devices, openScreen, stopAll } from './devices'
import type { Leg } from './leg'
import type { BoothState } from './state'
import { isChoice, surroundings, troubleOf, unable } from './trouble'

type Kind = 'audio' | 'video'

interface Place {
  state: BoothState
  storage: Storage
  /** The connection of now. */
  leg: () => Leg | undefined
  /** Tells the other side, for its display. */
  tell: (op: string, d: object) => Promise<boolean>
}

export function openKit({ state, storage, leg, tell }: Place) {
  const devices = new Devices(storage)
  /** Rises whenever everything is let go: a device that opens after that is closed at once. */
  let turn = 0

  /** Opens what the call needs. A video call without a camera is still a call. False also when the call was left meanwhile. */
  async function prepare(media: CallMedia): Promise<boolean> {
    const began = turn
    state.trouble = undefined
    const cannot = unable(surroundings())
    if (cannot) {
      state.trouble = { what: cannot, of: 'audio' }
      return false
    }
    if (media.video) {
      try {
        return await take(true, began)
      } catch {
        // Which of the two it was shows below.
      }
    }
    if (turn !== began) return false
    try {
      if (!(await take(false, began))) return false
    } catch (error) {
      return turn === began && failed(error, 'audio')
    }
    if (media.video) {
      state.notice = 'no_camera'
      state.muted.video = true
    }
    return true
  }

  function failed(error: unknown, of: Kind | 'screen'): false {
    state.trouble = { what: troubleOf(error), of }
    return false
  }

  async function take(video: boolean, began: number): Promise<boolean> {
    const stream = await devices.open({ audio: true, video })
    if (turn !== began) {
      stopAll(stream)
      return false
    }
    stopAll(state.own)
    state.own = stream
    return true
  }

  function release(): void {
    turn += 1
    stopAll(state.own)
    stopAll(state.screen)
    state.own = state.screen = undefined
  }

  /** What goes out: the microphone, and the screen or the camera. */
  function outgoing(): MediaStream {
    const video = state.screen?.getVideoTracks() ?? state.own?.getVideoTracks() ?? []
    return new MediaStream([...(state.own?.getAudioTracks() ?? []), ...video])
  }

  function mute(kind: Kind, off: boolean): void {
    for (const track of (kind === 'audio' ? state.own?.getAudioTracks() : state.own?.getVideoTracks()) ?? []) track.enabled = !off
    state.muted[kind] = off
    tellMuted()
  }

  function tellMuted(): void {
    if (leg()) void tell('call.mute', { ...state.muted })
  }

  /** Another microphone or camera, in the middle of it. */
  async function choose(kind: 'audioinput' | 'videoinput', device: string): Promise<void> {
    devices.choose(kind, device)
    const media = kind === 'audioinput' ? 'audio' : 'video'
    const began = turn
    const inUse = (): boolean => turn === began && state.own !== undefined && (media === 'audio' || state.own.getVideoTracks().length > 0)
    if (!inUse()) return
    try {
      const stream = await devices.open({ audio: media === 'audio', video: media === 'video' })
      if (!inUse()) return stopAll(stream)
      await swap(media, stream.getTracks()[0])
    } catch (error) {
      if (turn === began) failed(error, media)
    }
  }

  async function swap(kind: Kind, track: MediaStreamTrack | undefined): Promise<void> {
    const { own } = state
    if (!own) return
    for (const one of own.getTracks()) if (one.kind === kind) one.stop()
    if (track) track.enabled = !state.muted[kind]
    state.own = new MediaStream([...own.getTracks().filter((one) => one.kind !== kind), ...(track ? [track] : [])])
    if (kind === 'audio' || !state.screen) await leg()?.carry(kind, track)
  }

  /** Both have agreed on video. One who has no camera can still see. */
  async function addCamera(): Promise<void> {
    if (state.own?.getVideoTracks().length) return
    const began = turn
    const wanted = (): boolean => turn === began && state.call?.media.video === true
    try {
      const stream = await devices.open({ audio: false, video: true })
      if (!wanted()) return stopAll(stream)
      state.muted.video = false
      await swap('video', stream.getVideoTracks()[0])
    } catch (error) {
      if (!wanted()) return
      failed(error, 'video')
      state.muted.video = true
    }
    // The other side may still believe what was muted before.
    tellMuted()
  }

  const dropCamera = (): Promise<void> => swap('video', undefined)

  async function share(on: boolean): Promise<void> {
    if (!on) return unshare()
    const began = turn
    try {
      const screen = await openScreen()
      if (turn !== began) return stopAll(screen)
      state.screen = screen
    } catch (error) {
      if (turn === began && !isChoice(error)) failed(error, 'screen')
      return
    }
    const [track] = state.screen.getVideoTracks()
    // The browser's own bar ends it as well.
    track?.addEventListener('ended', () => void unshare())
    await leg()?.carry('video', track)
    await tell('call.screen', { on: true })
  }

  async function unshare(): Promise<void> {
    if (!state.screen) return
    stopAll(state.screen)
    state.screen = undefined
    if (!leg()) return
    await leg()?.carry('video', state.own?.getVideoTracks()[0])
    await tell('call.screen', { on: false })
  }

  return { devices, turn: () => turn, prepare, release, outgoing, mute, tellMuted, choose, addCamera, dropCamera, share }
}
