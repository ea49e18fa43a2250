/** How calls begin on this device: it invites or is rung, accepts or declines. Knows no connection and no component. */
import type { Call, CallJoined, CallMedia, CallsState, Ring } from '../wire/calls'
import { FrameError } from '../wire/client'
import type { openKit } from './kit'
import type { Leave, Left } from './left'
import type { BoothState } from './state'
import type { Trouble } from './trouble'

interface Place {
  state: BoothState
  kit: ReturnType<typeof openKit>
  left: Left
  request: <T>(op: string, d?: object) => Promise<T>
  serverNow: () => number
  ringing: (how: 'in' | 'out' | undefined) => void
  know: (call: Call) => void
  expectStart: (call: Call) => void
  wipe: () => void
}

export const codeOf = (error: unknown): string => (error instanceof FrameError ? error.code : 'internal')
const mayWork = (error: unknown): boolean => error instanceof FrameError && error.retry
const excuseOf = (what: Trouble): string => (what === 'unsupported' || what === 'wechat' ? 'unsupported' : 'no_permission')

export function openDoor({ state, kit, left, request, serverNow, ringing, know, expectStart, wipe }: Place) {
  let missed: Ring | undefined
  /** Was accepted, and the gateway may not have heard. */
  let accepting: string | undefined
  /** Answers that may tell of a call which the person has left meanwhile. */
  let asking: Promise<unknown> | undefined
  /** An invitation was left, and nobody knows whether the gateway has it. */
  let astray = false

  /** Whether the attempt of now is still the one that began. */
  function attempt(): () => boolean {
    const turn = kit.turn()
    return () => kit.turn() === turn
  }

  function ask(op: string, d: object): Promise<CallJoined> {
    const answer = request<CallJoined>(op, d)
    const all = Promise.allSettled([asking, answer])
    asking = all
    void all.then(() => asking === all && (asking = undefined))
    return answer
  }

  /** Calls the other side; for agents, the customer of a session. */
  async function invite(media: CallMedia, session?: string): Promise<boolean> {
    if (state.phase !== 'none' && state.phase !== 'ended') return false
    wipe()
    state.phase = 'preparing'
    const here = attempt()
    const able = await kit.prepare(media)
    if (!here() || (state.phase as string) !== 'preparing') return false
    if (!able) return settle()
    try {
      const { call } = await ask('call.invite', { media, ...(session && { session }) })
      return here() ? joined(call) : away(call)
    } catch (error) {
      if (here()) return refused(error)
      astray ||= mayWork(error)
      return false
    }
  }

  async function accept(): Promise<boolean> {
    const { ring } = state
    if (!ring || state.phase !== 'ringing') return false
    state.phase = 'preparing'
    const here = attempt()
    const waits = (): boolean => here() && (state.phase as string) === 'preparing'
    const { call_id, media } = ring.call
    const able = await kit.prepare(media)
    if (!waits()) return false
    if (!able) {
      state.phase = 'ringing'
      return false
    }
    try {
      const { call } = await ask('call.accept', { call_id, media })
      return here() ? joined(call) : away(call)
    } catch (error) {
      if (waits() && !mayWork(error)) return refused(error)
      if (!waits()) return here() || unheard(call_id, error)
      // Said while the link was gone: it counts once that is back.
      accepting = call_id
      state.phase = 'ringing'
      return false
    }
  }

  /** Nobody waits for this answer any more; why it came to nothing is told unless the person wanted that. */
  function unheard(call: string, error: unknown): false {
    if (!left.has(call) && state.phase === 'none') state.refusal = codeOf(error)
    return false
  }

  /** Not now; with a device that does not work, the caller hears so. */
  async function reject(): Promise<void> {
    const { ring, trouble } = state
    if (!ring) return
    accepting = undefined
    left.add(ring.call.call_id)
    settle()
    await left.leave(ring.call.call_id, declined(trouble?.what))
  }

  const declined = (trouble?: Trouble): Leave => ({ op: 'call.reject', reason: trouble ? excuseOf(trouble) : 'declined' })

  function joined(call: Call): true {
    know(call)
    state.ring = undefined
    if (state.phase !== 'preparing') return true
    state.phase = call.state === 'connecting' ? 'joining' : 'calling'
    ringing(state.phase === 'calling' ? 'out' : undefined)
    if (state.phase === 'joining') expectStart(call)
    return true
  }

  /** The person was gone before the gateway said which call it is. */
  function away(call: Call): false {
    void left.leave(call.call_id)
    return false
  }

  function ring(ring: Ring): void {
    if (left.has(ring.call.call_id)) return void left.leave(ring.call.call_id, declined())
    if (state.phase === 'preparing' && !state.ring) missed = ring
    if (state.phase !== 'none' && state.phase !== 'ended') return
    missed = undefined
    wipe()
    state.ring = ring
    state.phase = 'ringing'
    ringing('in')
    void request('call.ringing', { call_id: ring.call.call_id }).catch(() => undefined)
  }

  /** It rings no more here; whether it did. */
  function silence(call: string): boolean {
    if (missed?.call.call_id === call) missed = undefined
    if (state.ring?.call.call_id !== call) return false
    settle()
    return true
  }

  /** Nothing came of it: what is said about why stays. */
  function settle(): false {
    const { trouble, refusal, notice } = state
    wipe()
    Object.assign(state, { trouble, refusal, notice })
    // Somebody called while this person was about to call.
    if (missed && Date.parse(missed.expires_at) > serverNow()) ring(missed)
    missed = undefined
    return false
  }

  function refused(error: unknown): false {
    state.refusal = codeOf(error)
    return settle()
  }

  /** The link is back: what rings, and what was said into the void. */
  function ready(calls: CallsState | undefined): void {
    const rings = calls?.ringing
    if (rings && rings.call.call_id !== state.call?.call_id) ring(rings)
    else if (!rings && state.phase === 'ringing') settle()
    if (accepting && accepting === rings?.call.call_id) void accept()
    accepting = undefined
    astray = false
  }

  /** A live call that this page knows nothing of is what became of an invitation that was left. Before `ready`. */
  function claim(call: string): void {
    if (astray) left.add(call)
  }

  return { invite, accept, reject, ring, silence, settle, ready, claim, pending: () => asking }
}
