/** What the person does during a call. Knows no component. */
import type { CallMedia } from '../wire/calls'
import type { openKit } from './kit'
import type { BoothState } from './state'

interface Place {
  state: BoothState
  kit: ReturnType<typeof openKit>
  /** Asks the gateway; a refusal is kept in the state. */
  tell: (op: string, d: object) => Promise<boolean>
  recordEnds: () => void
}

export function callActs(place: Place) {
  const { state, kit, tell } = place
  const id = (): string => state.call?.call_id ?? ''

  async function hold(on: boolean): Promise<void> {
    await tell(on ? 'call.hold' : 'call.resume', { call_id: id() })
  }

  async function upgrade(): Promise<void> {
    state.waiting.upgrade = true
    if (!(await tell('call.upgrade', { call_id: id() }))) state.waiting.upgrade = false
  }

  async function answerUpgrade(ok: boolean): Promise<void> {
    state.asked.upgrade = false
    await tell(ok ? 'call.upgrade.ok' : 'call.upgrade.deny', { call_id: id() })
  }

  async function downgrade(): Promise<void> {
    await tell('call.downgrade', { call_id: id() })
  }

  async function record(on: boolean): Promise<void> {
    if (!on) place.recordEnds()
    state.waiting.record = on
    if (!(await tell('call.record', { call_id: id(), on }))) state.waiting.record = false
  }

  async function consent(ok: boolean): Promise<void> {
    state.asked.record = false
    await tell('call.consent', { call_id: id(), ok })
  }

  async function rate(score: number, problems: string[]): Promise<void> {
    state.rated = true
    await tell('call.quality', { call_id: id(), score, ...(problems.length && { problems }) })
  }

  async function transfer(to: { agent: string } | { queue: string }, note: string): Promise<boolean> {
    return tell('call.transfer', { call_id: id(), to, ...(note && { note }) })
  }

  /** A contact's wish for an agent who can be called; the camera is tried first, since later nobody asks. */
  async function ask(media: CallMedia, queue?: string): Promise<boolean> {
    if (!(await kit.prepare(media))) return false
    kit.release()
    return tell('call.request', { media, ...(queue && { queue }) })
  }

  return { hold, upgrade, answerUpgrade, downgrade, record, consent, rate, transfer, ask }
}
