/** What the server says of offers, queues, colleagues and the agent's own status. */
import { reasonText } from '../../text/events'
import type { Offer, Presence, Pushes, Ready } from '../../wire/protocol'
import { chime, lang, t } from '../settings'
import type { Ground } from './ground'
import { offerName } from './names'

/** `accepting` holds the assignments that the agent is just taking. */
export function roster({ account, state, toast }: Ground, accepting: ReadonlySet<string>) {
  function ready({ agent, offers, queues, colleagues }: Ready['state']): void {
    if (agent) state.agent = agent
    state.offers = offers ?? []
    if (queues) state.queues = queues.map((one) => ({ ...('queue' in one ? one : { ...one, queue: one.id }), heard: Date.now() }))
    if (colleagues) state.colleagues = colleagues.map((one) => ('agent' in one ? one : { ...one, agent: one.id })).filter((one) => one.agent !== account.id)
  }

  function onOffer(offer: Offer): void {
    const at = state.offers.findIndex((one) => one.assignment === offer.assignment)
    if (at >= 0) state.offers[at] = offer
    else {
      state.offers.push(offer)
      chime('offer')
      state.announce = t('newOffer', { name: offerName(offer) })
    }
  }

  function onRevoke({ assignment, reason }: Pushes['offer.revoke']): void {
    const offer = state.offers.find((one) => one.assignment === assignment)
    if (!offer || accepting.has(assignment)) return
    state.offers = state.offers.filter((one) => one !== offer)
    if (reason !== 'accepted' && reason !== 'taken_elsewhere') toast(t('offerGone', { why: reasonText(reason, lang.value) }))
  }

  function onPresence(push: Pushes['presence'] & { reason?: string }): void {
    if (push.agent === account.id) {
      const { status, load, capacity, display, reason } = push
      state.agent = { ...state.agent, load, capacity, display, ...(status !== 'offline' && { status: status as Presence }), ...(reason !== undefined && { reason }) }
      return
    }
    const known = state.colleagues.find((one) => one.agent === push.agent)
    if (known) Object.assign(known, { status: push.status, load: push.load, capacity: push.capacity })
    else state.colleagues.push({ agent: push.agent, name: push.name ?? push.agent, status: push.status, load: push.load, capacity: push.capacity })
  }

  function onQueue(push: Pushes['queue']): void {
    const known = state.queues.find((one) => one.queue === push.queue)
    const patch = { waiting: push.waiting, heard: Date.now(), ...(push.longest_ms !== undefined && { longest_ms: push.longest_ms }) }
    if (known) Object.assign(known, patch)
    else state.queues.push({ queue: push.queue, name: push.name ?? push.queue, ...patch })
  }

  return { ready, onOffer, onRevoke, onPresence, onQueue }
}
