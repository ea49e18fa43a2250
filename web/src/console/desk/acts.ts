/** What the agent does with sessions: take, decline, hand over, end, sum up. */
import { watch } from 'vue'
import type { AgentState, ConvState, Offer, Presence } from '../../wire/protocol'
import { i18n, t } from '../settings'
import type { Ground } from './ground'
import type { Talk } from './state'

/** How long a choice waits for the link before the agent is told that there is none. */
const LINK_MS = 10_000

interface Place {
  /** A conversation came to the desk by the agent's own doing. */
  arrived: (conv: ConvState) => void
  forget: (conv: string) => void
  /** The assignments that are just being taken. */
  accepting: Set<string>
}

export function acts({ state, client, toast, attempt }: Ground, { arrived, forget, accepting }: Place) {
  const without = (offer: Offer): Offer[] => state.offers.filter((one) => one.assignment !== offer.assignment)

  async function accept(offer: Offer): Promise<void> {
    accepting.add(offer.assignment)
    const reply = await attempt(() => client.request<{ conv: ConvState }>('offer.accept', { assignment: offer.assignment, token: offer.token }))
    accepting.delete(offer.assignment)
    state.offers = without(offer)
    if (reply) arrived(reply.conv)
  }

  async function reject(offer: Offer): Promise<void> {
    await attempt(() => client.request('offer.reject', { assignment: offer.assignment, token: offer.token }))
    state.offers = without(offer)
  }

  /** The link stands, or has not come for too long. */
  function linked(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(late)
        stop()
        resolve()
      }
      const late = setTimeout(done, LINK_MS)
      const stop = watch(() => state.link.kind === 'online', (online) => online && done())
      if (state.link.kind === 'online') done()
    })
  }

  async function setPresence(status: Presence, reason?: string): Promise<void> {
    // The desk is there before its link: what is chosen meanwhile counts as soon as that stands.
    await linked()
    const reply = await attempt(() => client.request<AgentState>('presence.set', { status, ...(reason && { reason }) }))
    if (!reply) return
    state.agent = reply
    state.announce = t('statusSet', { status: i18n.maybe(status) ?? status })
  }

  async function pull(queue: string): Promise<boolean> {
    const reply = await attempt(() => client.request<{ conv: ConvState }>('pull', { queue }))
    if (reply) arrived(reply.conv)
    return reply !== undefined
  }

  async function transfer(talk: Talk, to: { agent: string } | { queue: string }, note: string): Promise<boolean> {
    const session = talk.state.session?.session
    const reply = await attempt(() => client.request('transfer', { session, to, ...(note && { note }) }))
    if (reply === undefined) return false
    toast(t('transferSent'))
    return true
  }

  async function cancelTransfer(talk: Talk): Promise<void> {
    await attempt(() => client.request('transfer.cancel', { session: talk.state.session?.session }))
  }

  async function end(talk: Talk, reason: string): Promise<void> {
    await attempt(() => client.request('end', { session: talk.state.session?.session, reason }))
  }

  async function wrapUp(talk: Talk, fields: { disposition: string; tags: string[]; note: string }): Promise<void> {
    const assignment = talk.state.session?.assignment?.assignment
    const done = await attempt(() => client.request('wrapup.done', { assignment, disposition: fields.disposition, tags: fields.tags, ...(fields.note && { note: fields.note }) }))
    if (done !== undefined) forget(talk.log.conv)
  }

  return { accept, reject, setPresence, pull, transfer, cancelTransfer, end, wrapUp }
}
