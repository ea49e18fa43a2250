/** The connection of the call that is on: made, told of, ended. Knows no component. */
import type { CallStart, LiveCall } from '../wire/calls'
import { FrameError } from '../wire/client'
import type { openKit } from './kit'
import { Leg } from './leg'
import type { Media } from './mender'
import type { Sample } from './quality'
import type { BoothState } from './state'

/** The gateway decides that a call is lost; a page without it decides a little later. */
const PATIENCE_MS = 5000
const AGAIN_MS = 1000

interface Place {
  state: BoothState
  kit: ReturnType<typeof openKit>
  request: <T>(op: string, d?: object) => Promise<T>
  online: () => boolean
  refresh: (call: string) => Promise<LiveCall | undefined>
  sample: (call: string, sample: Sample) => void
  /** There is no connection any more and there will be none. */
  over: (call: string, reason: 'ice_failed' | 'lost') => void
}

export function openLine({ state, kit, request, online, refresh, sample, over }: Place) {
  let leg: Leg | undefined
  /** Whether the gateway knows that media flows here. */
  let told = false

  function begin({ call, side, polite, leg: number, ice_servers, policy }: CallStart): Leg {
    end()
    state.policy = policy
    state.media = 'connecting'
    state.remote = undefined
    told = false
    leg = new Leg({
      call: call.call_id, leg: number, side, polite, policy, iceServers: ice_servers, own: kit.outgoing, request,
      refresh: () => refresh(call.call_id), held: () => state.call?.held === true,
      media: became,
      remote: (stream) => (state.remote = stream),
      quality: (quality) => (state.quality = quality),
      sample: (one) => sample(call.call_id, one),
      over: (reason) => {
        if (reason === 'ice_failed') over(call.call_id, reason)
        else setTimeout(() => leg?.options.call === call.call_id && state.media !== 'connected' && over(call.call_id, reason), PATIENCE_MS)
      },
    })
    if (call.held && side === 'agent') leg.hold(true)
    return leg
  }

  function became(media: Media): void {
    state.media = media
    if (media === 'connected') state.phase = 'talking'
    else told = false
    report()
  }

  /** Tells the gateway once that media flows, and again after it was gone or the link was. */
  function report(): void {
    if (!leg || !online() || told || leg.mender.media !== 'connected') return
    told = true
    request('call.connected', { call_id: leg.options.call, leg: leg.options.leg }).catch((error: unknown) => {
      told = false
      if (error instanceof FrameError && error.retry && error.code !== 'disconnected') setTimeout(report, AGAIN_MS)
    })
  }

  function end(): void {
    leg?.close()
    leg = undefined
  }

  /** The link is gone: media goes on, and what was said may have to be said again. */
  function offline(): void {
    told = false
  }

  return { begin, report, end, offline, leg: () => leg, has: (call: string, number: number) => leg?.options.call === call && leg.options.leg >= number }
}
