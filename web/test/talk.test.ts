import { describe, expect, it } from 'vitest'
import type { Talk } from '../src/console/desk/state'
import { answeredAfter, answers, knowsRobot, transferOf, unread, waitingSince, wraps } from '../src/console/desk/talk'
import { ConversationLog } from '../src/wire/log'
import type { Envelope, Session } from '../src/wire/protocol'
import { message } from './message'

const agent = { role: 'agent' as const, id: 'li' }

function talk(messages: Envelope[], session: Partial<Session> = {}, read = 0): Talk {
  const log = new ConversationLog('c1', 'e1')
  log.seed(messages, false)
  const whole: Session = {
    session: 's1', conv: 'c1', state: 'active', control: { holder: 'agent', agent: 'li' }, control_epoch: 1, started_at: '2026-11-20T08:00:00.000Z',
    assignment: { assignment: 'g1', agent: 'li', state: 'active', since: '2026-11-20T08:00:00.000Z' }, ...session,
  }
  return {
    state: { conv: 'c1', epoch: 'e1', last_seq: messages.length, delivered: 0, read, contact: { id: 'p1', name: '陈静', channel: 'wechat' }, session: whole },
    log, typingUntil: 0, peer: { delivered: 0, read: 0 }, uploads: [], loadingOlder: false,
  }
}
const event = (seq: number, name: string, data: unknown = {}) => message(seq, { type: 'event', from: { role: 'system', id: 'system' }, body: { name, data } } as Partial<Envelope>)

describe('a conversation on the desk', () => {
  it('is answered by who holds the assignment, until it is over', () => {
    expect(answers(talk([]), 'li')).toBe(true)
    expect(answers(talk([]), 'wang')).toBe(false)
    expect(answers(talk([], { state: 'ended' }), 'li')).toBe(false)
    const over = talk([], { assignment: { assignment: 'g1', agent: 'li', state: 'wrapup', since: '' } })
    expect([answers(over, 'li'), wraps(over, 'li'), wraps(over, 'wang')]).toEqual([false, true, false])
  })

  it('waits since the first of the customer’s words that nobody answered; a note is no answer', () => {
    const asked = [message(1), message(2, { from: agent }), message(3, { ts: '2026-11-20T08:10:00.000Z' }), message(4, { ts: '2026-11-20T08:11:00.000Z' })]
    const note = message(5, { from: agent, type: 'note', body: { text: '备注' } } as Partial<Envelope>)
    expect(waitingSince(talk([...asked, note]))).toBe(Date.parse('2026-11-20T08:10:00.000Z'))
    expect(waitingSince(talk([...asked, message(5, { from: agent })]))).toBeUndefined()
    expect(unread(talk(asked, {}, 3))).toBe(1)
  })

  it('does not wait for what a robot has answered; its note to the agent is no answer', () => {
    const robot = { role: 'robot' as const, id: 'robot' }
    const late = '2026-11-20T08:20:00.000Z'
    const log = [message(1), message(2, { from: robot }), message(3, { ts: late }), message(4, { from: robot, type: 'note', body: { text: '机器人转人工：客户要求' } } as Partial<Envelope>), event(5, 'session.connected')]
    expect(waitingSince(talk(log))).toBe(Date.parse(late))
    expect([knowsRobot(talk(log)), knowsRobot(talk([message(1)])), knowsRobot(talk([event(1, 'session.robot_started')]))]).toEqual([true, false, true])
  })

  it('has no use for a suggestion once an agent has answered; a note and a correction are no answers', () => {
    const note = message(2, { from: agent, type: 'note', body: { text: '备注' } } as Partial<Envelope>)
    const edit = message(3, { from: agent, replaces: 'm0' })
    expect(answeredAfter(talk([message(1), note, edit]), 1)).toBe(false)
    expect(answeredAfter(talk([message(1), message(2, { from: agent })]), 1)).toBe(true)
    expect(answeredAfter(talk([message(1, { from: agent }), message(2)]), 2)).toBe(false)
  })

  it('is being transferred as the session says', () => {
    expect(transferOf(talk([], { transfer: { to_agent: 'wang', since: '2026-11-20T08:00:00.000Z' } }))).toMatchObject({ to_agent: 'wang' })
    expect(transferOf(talk([], { transfer: null }))).toBeUndefined()
  })

  it('is being transferred as the log tells, until something came of it', () => {
    const requested = event(1, 'transfer.requested', { from: 'li', agent: null, queue: 'vip' })
    expect(transferOf(talk([requested, message(2)]))).toEqual({ to_queue: 'vip' })
    expect(transferOf(talk([requested, event(2, 'transfer.failed')]))).toBeUndefined()
    expect(transferOf(talk([requested, event(2, 'session.agent_changed')]))).toBeUndefined()
  })
})
