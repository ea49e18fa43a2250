/** Calls that the person has hung up or declined: whatever of them is still on its way, they do not come back. Knows no device and no page. */

/** What is said of such a call is late by seconds, not by so many further calls. */
const KEPT = 50

/** A word of leaving that suits the moment, if the call is not further on than this page knows. */
export interface Leave {
  op: 'call.cancel' | 'call.reject' | 'call.hangup'
  reason?: string | undefined
}

interface Place {
  request: (op: string, d: object) => Promise<unknown>
  online: () => boolean
  /** The gateway takes no such word: it was over before. */
  late: (call: string) => void
}

export type Left = ReturnType<typeof openLeft>

export function openLeft({ request, online, late }: Place) {
  const left = new Set<string>()
  const leaving = new Set<string>()

  function add(call: string): void {
    left.add(call)
    for (const one of left) if (left.size > KEPT) left.delete(one)
  }

  /** Ends it at the gateway, now or once that can be reached: hanging up is taken in every state. */
  async function leave(call: string, first: Leave = { op: 'call.hangup' }): Promise<void> {
    add(call)
    if (!online() || leaving.has(call)) return
    leaving.add(call)
    const said = ({ op, reason }: Leave) => request(op, { call_id: call, ...(reason && { reason }) }).then(() => true, () => false)
    const done = (await said(first)) || (first.op !== 'call.hangup' && (await said({ op: 'call.hangup' })))
    leaving.delete(call)
    if (!done) late(call)
  }

  return { has: (call: string) => left.has(call), add, leave }
}
