/** What a customer may still answer in a conversation: menus, and whether an answer was of help. Pure. */
import type { Envelope } from '../wire/protocol'

const said = (one: Envelope): boolean => one.type !== 'event' && one.type !== 'recall' && one.replaces === undefined

/** The place of the customer's newest message; a menu before it is no longer open. */
export function lastAsked(messages: readonly Envelope[]): number {
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    const one = messages[at]
    if (one && said(one) && one.from.role === 'contact') return one.seq
  }
  return 0
}

/** What was chosen of which menu: the key, by the menu's place. A choice belongs to the nearest menu before it that has it. */
export function chosen(messages: readonly Envelope[]): Map<number, string> {
  const found = new Map<number, string>()
  messages.forEach((one, at) => {
    if (one.type !== 'choice' || one.from.role !== 'contact') return
    const { key, label } = one.body
    for (let before = at - 1; before >= 0; before -= 1) {
      const menu = messages[before]
      if (menu?.type !== 'menu' || !menu.body.options.some((option) => option.key === key && option.label === label)) continue
      if (!found.has(menu.seq)) found.set(menu.seq, key)
      return
    }
  })
  return found
}

/**
 * The robot's answers of which a customer may say whether they were of help: the last text of those that follow a
 * question. What a robot says of its own accord, such as a greeting, is none.
 */
export function rateable(messages: readonly Envelope[]): Set<number> {
  const found = new Set<number>()
  let asked: string | undefined
  let last: number | undefined
  const close = (): void => {
    if (last !== undefined) found.add(last)
    last = undefined
  }
  for (const one of messages) {
    if (!said(one)) continue
    const { role } = one.from
    if (role === 'contact') {
      close()
      asked = one.session ?? ''
    } else if (role === 'robot') last = one.type === 'text' && asked !== undefined && (asked === '' || asked === one.session) ? one.seq : undefined
    else if (role !== 'system') {
      close()
      asked = undefined
    }
  }
  close()
  return found
}

/** How long a robot is shown to think about a question before the page gives up waiting. */
const THINKING_MS = 20_000

/** Whether the newest words are the customer's and a robot is about to answer them. */
export function thinking(messages: readonly Envelope[], now: number): boolean {
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    const one = messages[at]
    if (!one || !said(one)) continue
    return one.from.role === 'contact' && now - Date.parse(one.ts) < THINKING_MS
  }
  return false
}
