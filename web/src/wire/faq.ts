/** The question base as `/api/v1/faq…` and `/api/v1/unknown-questions…` tell and take it. Everything rejects with HttpProblem. */
import { ask, HttpProblem, type Answer, type Asking } from './http'

export type EntryKind = 'faq' | 'chitchat'
export type Standing = 'answered' | 'disabled' | 'early' | 'late'

/** What of an entry people write. */
export interface EntryText {
  kind: EntryKind
  question: string
  similar: string[]
  answer: string
  leads: string | null
  category: string
  enabled: boolean
  valid_from: string | null
  valid_to: string | null
}

export interface Entry extends EntryText {
  id: string
  updated_at: string
}

export interface Sought {
  q: string
  category: string | undefined
  state: Standing | ''
  after: string | undefined
}

export interface Page<T> {
  items: T[]
  next: string | null
}

export interface Choices {
  categories: { name: string; entries: number }[]
  flows: string[]
  queues: { id: string; name: string }[]
}

export interface ImportReport {
  rows: number
  added: number
  changed: number
  unchanged: number
  wrong: number
  errors: { line?: number; column?: number; field?: string; detail: string }[]
  dry_run: boolean
}

export interface Hit {
  id: string
  kind: EntryKind
  question: string
  /** How probable it is that this was meant, 0 to 1. */
  p: number
  exact: boolean
  score: number
}

export interface Tried {
  query: string
  decision: 'answer' | 'clarify' | 'chitchat' | 'miss'
  chosen: string[]
  hits: Hit[]
  thresholds: { direct: number; margin: number; clarify: number; chitchat: number; list: number }
}

export type Resolution = 'open' | 'done' | 'ignored'

export interface UnknownQuestion {
  query: string
  sample: string
  times: number
  state: Resolution
  last_at: string
}

export interface Vocabulary {
  words: string[]
  synonyms: string[][]
}

/** What is told together with the mark of its state. */
export interface Marked<T> {
  value: T
  mark: string | undefined
}

export const PAGE = 50
/** What the gateway takes of one table. */
export const MOST_TABLE_BYTES = 5 * 1024 * 1024

/** The proof that writes are this page's own; it may be of an older sign-in of another tab. */
export interface Proof {
  csrf: () => string
  renew: () => Promise<boolean>
}

export type FaqBase = ReturnType<typeof faqBase>

export function faqBase(proof: Proof) {
  /** A refusal for want of the proof is tried once more with a fresh one. */
  async function write<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, asking: Asking = {}): Promise<Answer<T>> {
    const send = (): Promise<Answer<T>> => ask<T>(method, path, { ...asking, csrf: proof.csrf() })
    const before = proof.csrf()
    try {
      return await send()
    } catch (error) {
      const unproven = error instanceof HttpProblem && (error.status === 401 || error.status === 403)
      if (!unproven || !(await proof.renew()) || proof.csrf() === before) throw error
      return send()
    }
  }

  const marked = <T>({ json, mark }: Answer<T>): Marked<T> => ({ value: json, mark })
  const matching = (mark: string | undefined): Asking => (mark === undefined ? {} : { match: mark })
  const at = (id: string): string => `/api/v1/faq/${encodeURIComponent(id)}`

  return {
    async list({ q, category, state, after }: Sought): Promise<Page<Entry> & { total: number }> {
      const query = new URLSearchParams({ order: 'changed', limit: String(PAGE) })
      if (q.trim()) query.set('q', q.trim())
      if (category !== undefined) query.set('category', category)
      if (state) query.set('state', state)
      if (after) query.set('after', after)
      return (await ask<Page<Entry> & { total: number }>('GET', `/api/v1/faq?${query.toString()}`)).json
    },
    choices: async (): Promise<Choices> => (await ask<Choices>('GET', '/api/v1/faq-choices')).json,
    entry: async (id: string): Promise<Marked<Entry>> => marked(await ask<Entry>('GET', at(id))),
    add: async (entry: EntryText, once: string): Promise<Marked<Entry>> => marked(await write<Entry>('POST', '/api/v1/faq', { body: entry, once })),
    put: async (id: string, entry: EntryText, mark: string | undefined): Promise<Marked<Entry>> => marked(await write<Entry>('PUT', at(id), { body: entry, ...matching(mark) })),
    remove: async (id: string, mark: string | undefined): Promise<void> => void (await write('DELETE', at(id), matching(mark))),
    async take(table: string, how: { partial?: boolean; dry_run?: boolean }, once?: string): Promise<ImportReport> {
      const query = new URLSearchParams(Object.entries(how).map(([name, on]) => [name, String(on)]))
      return (await write<ImportReport>('POST', `/api/v1/faq/import?${query.toString()}`, { body: table, type: 'text/csv; charset=utf-8', ...(once && { once }) })).json
    },
    table: async (): Promise<string> => (await ask('GET', '/api/v1/faq/export')).text,
    attempt: async (query: string): Promise<Tried> => (await write<Tried>('POST', '/api/v1/faq/try', { body: { query } })).json,
    async unknown(state: Resolution, after: string | undefined): Promise<Page<UnknownQuestion>> {
      const query = new URLSearchParams({ state, limit: String(PAGE), ...(after && { after }) })
      return (await ask<Page<UnknownQuestion>>('GET', `/api/v1/unknown-questions?${query.toString()}`)).json
    },
    resolve: async (queries: string[], state: Resolution, entry?: string): Promise<{ resolved: number; absent: string[]; added: number }> =>
      (await write<{ resolved: number; absent: string[]; added: number }>('POST', '/api/v1/unknown-questions/resolve', { body: { queries, state, ...(entry && { entry }) } })).json,
    words: async (): Promise<Marked<Vocabulary>> => marked(await ask<Vocabulary>('GET', '/api/v1/faq/vocabulary')),
    putWords: async (words: Vocabulary, mark: string | undefined): Promise<Marked<Vocabulary>> => marked(await write<Vocabulary>('PUT', '/api/v1/faq/vocabulary', { body: words, ...matching(mark) })),
  }
}
