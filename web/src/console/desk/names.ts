/** What a person is called on this desk. */
import { contactName } from '../../text/names'
import { t } from '../settings'
import type { State, Talk } from './state'

export function offerName({ contact }: { contact: { name: string; id: string; channel: string } }): string {
  return contactName(contact.name, contact.id, t(contact.channel === 'wechat' ? 'wechatFallback' : 'contactFallback'))
}

export function nameOf(talk: Talk): string {
  return offerName({ contact: talk.state.contact })
}

/** A colleague's name for an id. */
export function agentName(state: State, id: string): string {
  return state.colleagues.find((one) => one.agent === id)?.name ?? id
}

export function queueName(state: State, id: string): string {
  return state.queues.find((one) => one.queue === id)?.name ?? id
}
