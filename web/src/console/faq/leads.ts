/** What an entry leads to, to choose from and in words. */
import type { Choices } from '../../wire/faq'
import { t } from '../settings'

/** The places that an entry may lead to, as the gateway writes them. */
export function leadsChoices({ flows, queues }: Choices): { value: string; text: string }[] {
  return [
    { value: 'handoff', text: t('faqHandoff') },
    ...queues.map(({ id, name }) => ({ value: `handoff:${id}`, text: t('faqHandoffTo', { name }) })),
    ...flows.map((name) => ({ value: `flow:${name}`, text: t('faqFlow', { name }) })),
  ]
}

/** What is not to be chosen from is told as the gateway writes it. */
export function leadsText(leads: string, choices: Choices): string {
  return leadsChoices(choices).find(({ value }) => value === leads)?.text ?? leads
}
