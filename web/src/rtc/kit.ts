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

  /** Opens what the call needs. A video call without a camera is still a call. */
  async function prepare(media: CallMedia): Promise<boolean> {
    state.trouble = undefined
    const cannot = unable(surroundings())
    if (cannot) {
      state.trouble = { what: cannot, of: 'audio' }
      return false
    }
    if (media.video) {
      try {
        await take(true)
        return true
      } catch {
        // Which of the two it was shows below.
      }
    }
    try {
      await take(false)
    } catch (error) {
      return failed(error, 'audio')
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

  async function take(video: boolean): Promise<void> {
    const stream = await devices.open({ audio: true, video })
    stopAll(state.own)
    state.own = stream
  }

  function release(): void {
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
    if (leg()) void tell('call.mute', { ...state.muted })
  }

  /** Another microphone or camera, in the middle of it. */
  async function choose(kind: 'audioinput' | 'videoinput', device: string): Promise<void> {
    devices.choose(kind, device)
    const media = kind === 'audioinput' ? 'audio' : 'video'
    if (!state.own || (media === 'video' && !state.own.getVideoTracks().length)) return
    try {
      const stream = await devices.open({ audio: media === 'audio', video: media === 'video' })
      await swap(media, stream.getTracks()[0])
    } catch (error) {
      failed(error, media)
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
    try {
      const stream = await devices.open({ audio: false, video: true })
      state.muted.video = false
      await swap('video', stream.getVideoTracks()[0])
    } catch (error) {
      failed(error, 'video')
      state.muted.video = true
    }
  }

  const dropCamera = (): Promise<void> => swap('video', undefined)

  async function share(on: boolean): Promise<void> {
    if (!on) return unshare()
    try {
      state.screen = await openScreen()
    } catch (error) {
      if (!isChoice(error)) failed(error, 'screen')
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

  return { devices, prepare, release, outgoing, mute, choose, addCamera, dropCamera, share }
}
