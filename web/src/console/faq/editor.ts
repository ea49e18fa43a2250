/** One entry while it is written: what was read, what is changed, what somebody else changed meanwhile. Nothing written is lost
 *  before it is saved or given up, and nothing of others is overwritten unseen. Knows no component. */
import { computed, reactive, ref, watch } from 'vue'
import { textOf } from '../../text/faq'
import type { Drafts } from '../../wire/drafts'
import { randomId } from '../../wire/device'
import type { Entry, EntryText, FaqBase, Marked } from '../../wire/faq'
import { HttpProblem } from '../../wire/http'
import { EMPTY, entryOf, fieldsOf, same, type Fields } from './fields'

export type Target = { kind: 'entry'; id: string } | { kind: 'new' } | { kind: 'unknown'; query: string; sample: string }

/** What is kept of a form that is not saved: also the state that it began with, so that a later one is noticed. */
interface Kept {
  fields: Fields
  before?: EntryText
  mark?: string
}

export type Editor = ReturnType<typeof useEditor>

export const draftKey = (target: Target): string => (target.kind === 'entry' ? `faq.${target.id}` : target.kind === 'new' ? 'faq+new' : `faq?${target.query}`)

export function useEditor(base: FaqBase, drafts: Drafts, target: Target) {
  const start: Fields = target.kind === 'unknown' ? { ...EMPTY, question: target.sample } : { ...EMPTY }
  const fields = reactive<Fields>({ ...start })
  const id = ref(target.kind === 'entry' ? target.id : undefined)
  const before = ref<EntryText>()
  const mark = ref<string>()
  const updatedAt = ref<string>()
  const loaded = ref(target.kind !== 'entry')
  const restored = ref(false)
  const theirs = ref<Marked<Entry>>()
  const gone = ref(false)
  const busy = ref(false)
  const key = draftKey(target)
  let once: { of: string; key: string } | undefined

  const clean = computed(() => same(fields, before.value ? fieldsOf(before.value) : start))
  const entry = computed(() => entryOf(fields, before.value))
  const state = computed<Kept>(() => ({ fields: { ...fields }, ...(before.value && { before: before.value }), ...(mark.value && { mark: mark.value }) }))
  watch(state, (now) => loaded.value && drafts.set(key, clean.value ? '' : JSON.stringify(now)), { flush: 'sync' })

  const kept = readKept(drafts.get(key))
  if (target.kind !== 'entry' && kept) restore(kept)

  function restore({ fields: written, before: began, mark: read }: Kept): void {
    before.value = began
    mark.value = read
    Object.assign(fields, written)
    restored.value = true
  }

  function adopt({ value, mark: read }: Marked<Entry>): void {
    before.value = textOf(value)
    mark.value = read
    updatedAt.value = value.updated_at
    Object.assign(fields, fieldsOf(value))
    theirs.value = undefined
    restored.value = false
  }

  /** Reads the entry; a draft of an older state of it is shown beside what it is now. */
  async function load(): Promise<void> {
    if (!id.value) return
    try {
      const now = await base.entry(id.value)
      if (!kept) adopt(now)
      else {
        restore(kept)
        updatedAt.value = now.value.updated_at
        if (kept.mark !== now.mark) theirs.value = now
      }
    } catch (error) {
      if (!kept || !isStatus(error, 404)) throw error
      restore(kept)
      gone.value = true
    } finally {
      loaded.value = before.value !== undefined
    }
  }

  /** The same request under the same key, as often as it is sent; another one under another. */
  function onceFor(entry: EntryText): string {
    const of = JSON.stringify(entry)
    if (once?.of !== of) once = { of, key: randomId('faq') }
    return once.key
  }

  /** Saves; undefined when somebody else was faster, which `theirs` or `gone` then tells. Rejects with what is wrong. */
  async function save(): Promise<Entry | undefined> {
    if (busy.value) return undefined
    busy.value = true
    try {
      const done = id.value && !gone.value ? await base.put(id.value, entry.value, mark.value) : await base.add(entry.value, onceFor(entry.value))
      id.value = done.value.id
      gone.value = false
      once = undefined
      drafts.set(key, '')
      adopt(done)
      return done.value
    } catch (error) {
      await explain(error)
      return undefined
    } finally {
      busy.value = false
    }
  }

  async function explain(error: unknown): Promise<void> {
    if (id.value && isStatus(error, 404)) {
      gone.value = true
      theirs.value = undefined
    } else if (id.value && isStatus(error, 412)) {
      try {
        theirs.value = await base.entry(id.value)
      } catch (second) {
        if (!isStatus(second, 404)) throw second
        gone.value = true
      }
    } else throw error
  }

  /** Removes the entry that was read; `false` when somebody has changed it since. */
  async function remove(): Promise<boolean> {
    if (!id.value || busy.value) return false
    busy.value = true
    try {
      if (!gone.value) await base.remove(id.value, mark.value)
      drafts.set(key, '')
      return true
    } catch (error) {
      await explain(error)
      return gone.value
    } finally {
      busy.value = false
    }
  }

  /** Gives up what was written. */
  function discard(): void {
    if (theirs.value) adopt(theirs.value)
    else Object.assign(fields, before.value ? fieldsOf(before.value) : start)
    restored.value = false
    drafts.set(key, '')
  }

  /** Overwrites what somebody else has written, which is on the screen now. */
  async function insist(): Promise<Entry | undefined> {
    if (!theirs.value) return undefined
    mark.value = theirs.value.mark
    theirs.value = undefined
    return save()
  }

  return { fields, entry, before, updatedAt, loaded, restored, theirs, gone, busy, clean, load, save, remove, discard, insist }
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof HttpProblem && error.status === status
}

function readKept(text: string): Kept | undefined {
  try {
    const kept = text ? (JSON.parse(text) as Kept) : undefined
    return kept && { ...kept, fields: { ...EMPTY, ...kept.fields } }
  } catch {
    return undefined
  }
}
