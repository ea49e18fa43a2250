/** Lays a conversation out: day lines, session lines, groups of bubbles. Pure. */
import type { Folded } from '../wire/log'
import type { Unsent } from '../wire/outbox'
import { dayKey } from './time'

export type Row =
  | { kind: 'day'; key: string; at: Date }
  | { kind: 'event'; key: string; folded: Folded }
  | { kind: 'recalled'; key: string; folded: Folded }
  | { kind: 'bubble'; key: string; folded: Folded; first: boolean; last: boolean }
  | { kind: 'unsent'; key: string; unsent: Unsent; first: boolean; last: boolean }

const GROUP_MS = 180_000

/** One row per line on the screen. A message keeps its key from being written to being accepted, so that it does not jump. */
export function layout(folded: readonly Folded[], unsent: readonly Unsent[], me: string): Row[] {
  const rows: Row[] = []
  let day = ''
  let group: { who: string; at: number; row: { first: boolean; last: boolean } } | undefined
  const newDay = (at: Date) => {
    const key = dayKey(at)
    if (key === day) return
    day = key
    group = undefined
    rows.push({ kind: 'day', key: `day-${key}`, at })
  }
  const join = (who: string, at: number, row: { first: boolean; last: boolean }) => {
    if (group && group.who === who && at - group.at < GROUP_MS) {
      row.first = false
      group.row.last = false
    }
    group = { who, at, row }
  }
  for (const one of folded) {
    const { envelope } = one
    const at = new Date(envelope.ts)
    newDay(at)
    const key = envelope.cid ? `c-${envelope.from.id}-${envelope.cid}` : `m-${envelope.id}`
    if (envelope.type === 'event') {
      rows.push({ kind: 'event', key, folded: one })
      group = undefined
    } else if (one.recalled) {
      rows.push({ kind: 'recalled', key, folded: one })
      group = undefined
    } else {
      const row = { kind: 'bubble' as const, key, folded: one, first: true, last: true }
      join(`${envelope.from.role}:${envelope.from.id}:${envelope.type === 'note' ? 'note' : ''}`, at.getTime(), row)
      rows.push(row)
    }
  }
  for (const item of unsent) {
    if (item.request.type === 'recall' || item.request.replaces !== undefined) continue
    newDay(new Date(item.at))
    const row = { kind: 'unsent' as const, key: `c-${me}-${item.request.cid}`, unsent: item, first: true, last: true }
    join(`unsent:${item.request.type === 'note' ? 'note' : ''}`, item.at, row)
    rows.push(row)
  }
  return rows
}
