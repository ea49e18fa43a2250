/** What can be told of a conversation from what is here. Pure. */
import type { Envelope, Session } from '../../wire/protocol'
import type { Talk } from './state'

/** Written by a person of the enterprise. */
export function isStaff(envelope: Envelope): boolean {
  return envelope.from.role === 'agent' || envelope.from.role === 'supervisor'
}

/** Answered by a machine of the enterprise: a robot or a form. A robot's note to the agent is no answer. */
function isMachine(envelope: Envelope): boolean {
  return envelope.from.role === 'robot' || envelope.from.role === 'flow'
}

/** Whether somebody of the enterprise has spoken to the customer after a message. */
export function answeredAfter(talk: Talk, seq: number): boolean {
  return talk.log.messages.some((one) => one.seq > seq && isStaff(one) && one.type !== 'note' && one.type !== 'event' && one.replaces === undefined)
}

/** Whether a robot has had a part in the conversation, as far as it is here. */
export function knowsRobot(talk: Talk): boolean {
  return talk.log.messages.some((one) => one.from.role === 'robot' || (one.type === 'event' && one.body.name === 'session.robot_started'))
}

/** Open conversations first, then by what was said last. */
export function byUrgency(a: Talk, b: Talk): number {
  return Number(a.state.session?.state === 'ended') - Number(b.state.session?.state === 'ended') || lastAt(b) - lastAt(a)
}

function lastAt(talk: Talk): number {
  return Date.parse(talk.state.last?.ts ?? talk.state.session?.started_at ?? '') || 0
}

export function unread(talk: Talk): number {
  return talk.log.messages.filter((one) => one.seq > talk.state.read && one.from.role === 'contact' && one.type !== 'event').length
}

/** Whether this agent answers the conversation now; while a transfer waits they still do. */
export function answers(talk: Talk, agent: string): boolean {
  const { session } = talk.state
  return session !== undefined && session.state !== 'ended' && session.assignment?.agent === agent && session.assignment.state === 'active'
}

/** Whether this agent's share is over but for the summary; after a transfer the session itself goes on. */
export function wraps(talk: Talk, agent: string): boolean {
  const share = talk.state.session?.assignment
  return share?.agent === agent && share.state === 'wrapup'
}

/** When the customer began to wait for an answer, if they do. */
export function waitingSince(talk: Talk): number | undefined {
  let since: number | undefined
  for (let at = talk.log.messages.length - 1; at >= 0; at -= 1) {
    const one = talk.log.messages[at]
    if (!one || ((isStaff(one) || isMachine(one)) && one.type !== 'note' && one.type !== 'event')) break
    if (one.from.role === 'contact' && one.type !== 'event') since = Date.parse(one.ts)
  }
  return since
}

/** The transfer that waits for its target: as the session says, or else as the log tells. */
export function transferOf(talk: Talk): NonNullable<Session['transfer']> | undefined {
  if (talk.state.session?.transfer) return talk.state.session.transfer
  for (let at = talk.log.messages.length - 1; at >= 0; at -= 1) {
    const one = talk.log.messages[at]
    if (one?.type !== 'event') continue
    if (/transfer[._]requested$/.test(one.body.name)) return target(one.body.data)
    if (/transfer|connected|agent_changed|ended/.test(one.body.name)) return undefined
  }
  return undefined
}

function target(data: unknown): NonNullable<Session['transfer']> {
  const { agent, queue } = (data ?? {}) as { agent?: unknown; queue?: unknown }
  return { ...(typeof agent === 'string' && { to_agent: agent }), ...(typeof queue === 'string' && { to_queue: queue }) }
}
