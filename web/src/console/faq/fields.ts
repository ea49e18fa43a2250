/** An entry of the question base as a form has it: lines for lists, local times, empty for absent. Pure. */
import type { EntryKind, EntryText } from '../../wire/faq'

export interface Fields {
  kind: EntryKind
  question: string
  /** One wording in each line. */
  similar: string
  answer: string
  /** Empty where the entry leads nowhere. */
  leads: string
  category: string
  enabled: boolean
  /** As `datetime-local` has it; empty without a limit. */
  valid_from: string
  valid_to: string
}

export type Field = keyof Fields

export const EMPTY: Readonly<Fields> = { kind: 'faq', question: '', similar: '', answer: '', leads: '', category: '', enabled: true, valid_from: '', valid_to: '' }

/** An instant as this browser's clock shows it, to the minute. */
export function localTime(iso: string | null): string {
  if (!iso) return ''
  const at = new Date(iso)
  return Number.isNaN(at.getTime()) ? '' : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** The instant of a local time; what was not touched keeps its seconds. */
function instant(local: string, before: string | null): string | null {
  if (local === localTime(before)) return before
  return local ? new Date(local).toISOString() : null
}

export function fieldsOf(entry: EntryText): Fields {
  const { kind, question, answer, category, enabled } = entry
  return {
    kind, question, answer, category, enabled, similar: entry.similar.join('\n'), leads: entry.leads ?? '',
    valid_from: localTime(entry.valid_from), valid_to: localTime(entry.valid_to),
  }
}

/** What the gateway is told; `before` is the state that the form began with. */
export function entryOf(fields: Fields, before?: EntryText): EntryText {
  const { kind, question, answer, category, enabled } = fields
  return {
    kind, question, answer, category, enabled, leads: fields.leads || null,
    similar: fields.similar.split('\n').map((line) => line.trim()).filter(Boolean),
    valid_from: instant(fields.valid_from, before?.valid_from ?? null), valid_to: instant(fields.valid_to, before?.valid_to ?? null),
  }
}

export function same(one: Fields, other: Fields): boolean {
  return (Object.keys(EMPTY) as Field[]).every((field) => one[field] === other[field])
}
