import { describe, expect, it } from 'vitest'
import { draftKey, useEditor, type Target } from '../src/console/faq/editor'
import { EMPTY, entryOf, fieldsOf, localTime } from '../src/console/faq/fields'
import { differences, findings, judged, refusal, role, standing, textOf } from '../src/text/faq'
import { readWords, wordPlace, writeWords } from '../src/text/vocabulary'
import { Drafts } from '../src/wire/drafts'
import type { Entry, EntryText, FaqBase, Hit, Marked, Tried } from '../src/wire/faq'
import { HttpProblem } from '../src/wire/http'
import { MemoryStorage } from '../src/wire/store'

const entry = (over: Partial<Entry> = {}): Entry => ({
  id: 'a', kind: 'faq', question: '问', similar: ['一', '二'], answer: '答', leads: null, category: '', enabled: true,
  valid_from: null, valid_to: null, updated_at: '2026-11-26T00:00:00.000Z', ...over,
})

/** A gateway with one entry; its mark is how often it was changed. */
function gateway(kept: Entry | undefined) {
  let version = 1
  const seen: { once: string[] } = { once: [] }
  const now = (): Marked<Entry> => {
    if (!kept) throw new HttpProblem(404, 'not_found', '不存在 / not found', 0)
    return { value: kept, mark: String(version) }
  }
  const replaced = (text: EntryText): Marked<Entry> => {
    kept = { ...entry(), ...kept, ...text }
    version += 1
    return now()
  }
  const guard = (mark: string | undefined): void => {
    if (now().mark !== mark) throw new HttpProblem(412, 'conflict', '内容已被他人修改 / changed', 0)
  }
  const base = {
    entry: async () => now(),
    put: async (_id: string, text: EntryText, mark: string | undefined) => {
      guard(mark)
      if (!text.answer) throw new HttpProblem(422, 'bad_request', '', 0, [{ field: 'answer', detail: '须有答案 / an answer is required' }])
      return replaced(text)
    },
    add: async (text: EntryText, once: string) => {
      seen.once.push(once)
      if (!text.answer) throw new TypeError('Failed to fetch')
      kept = undefined
      return replaced(text)
    },
    remove: async (_id: string, mark: string | undefined) => {
      guard(mark)
      kept = undefined
    },
  } as unknown as FaqBase
  return { base, seen, others: (text: Partial<EntryText>) => replaced({ ...textOf(now().value), ...text }), lose: () => (kept = undefined), kept: () => kept }
}

const ONE: Target = { kind: 'entry', id: 'a' }

async function opened(base: FaqBase, drafts: Drafts, target: Target = ONE) {
  const editor = useEditor(base, drafts, target)
  await editor.load()
  return editor
}

const drafts = (): Drafts => new Drafts(new MemoryStorage(), 'demo.wang')

describe('an entry in a form', () => {
  it('comes back as it was when nothing is changed, to the second', () => {
    const kept = entry({ valid_from: '2026-01-02T03:04:05Z', leads: 'handoff:vip' })
    expect(entryOf(fieldsOf(kept), textOf(kept))).toEqual(textOf(kept))
    expect(localTime('2026-01-02T03:04:05Z')).toBe('2026-01-02T11:04')
    const later = entryOf({ ...fieldsOf(kept), valid_from: '2026-01-02T11:05', similar: ' 一 \n\n三', leads: '' }, textOf(kept))
    expect([later.valid_from, later.similar, later.leads]).toEqual(['2026-01-02T03:05:00.000Z', ['一', '三'], null])
    expect(entryOf({ ...EMPTY })).toMatchObject({ valid_from: null, valid_to: null, leads: null, similar: [] })
  })

  it('is kept as a draft until it is saved, and the draft remembers which state it began with', async () => {
    const [place, shelf] = [gateway(entry()), drafts()]
    const first = await opened(place.base, shelf)
    expect(shelf.get(draftKey(ONE))).toBe('')
    first.fields.answer = '新答案'
    const again = await opened(place.base, shelf)
    expect([again.fields.answer, again.restored.value, again.theirs.value]).toEqual(['新答案', true, undefined])
    expect((await again.save())?.answer).toBe('新答案')
    expect(shelf.get(draftKey(ONE))).toBe('')
    again.fields.answer = '又一个'
    again.discard()
    expect([again.fields.answer, again.clean.value, shelf.get(draftKey(ONE))]).toEqual(['新答案', true, ''])
  })

  it('never overwrites unseen what somebody else has changed meanwhile', async () => {
    const [place, shelf] = [gateway(entry()), drafts()]
    const editor = await opened(place.base, shelf)
    editor.fields.answer = '我的'
    place.others({ answer: '对方的' })
    expect(await editor.save()).toBeUndefined()
    expect([editor.theirs.value?.value.answer, editor.fields.answer, place.kept()?.answer]).toEqual(['对方的', '我的', '对方的'])
    // A reload shows it at once.
    expect((await opened(place.base, shelf)).theirs.value?.value.answer).toBe('对方的')
    // Seen, it may be overwritten; but not what came after it.
    place.others({ answer: '更新的' })
    expect(await editor.insist()).toBeUndefined()
    expect(editor.theirs.value?.value.answer).toBe('更新的')
    expect((await editor.insist())?.answer).toBe('我的')
    expect([editor.theirs.value, shelf.get(draftKey(ONE))]).toEqual([undefined, ''])
  })

  it('takes what somebody else has written when asked to', async () => {
    const place = gateway(entry())
    const editor = await opened(place.base, drafts())
    editor.fields.answer = '我的'
    place.others({ answer: '对方的' })
    await editor.save()
    editor.discard()
    expect([editor.fields.answer, editor.theirs.value, editor.clean.value]).toEqual(['对方的', undefined, true])
    editor.fields.answer = '再改'
    expect((await editor.save())?.answer).toBe('再改')
  })

  it('that somebody has deleted can be saved as a new one', async () => {
    const place = gateway(entry())
    const editor = await opened(place.base, drafts())
    editor.fields.answer = '我的'
    place.lose()
    expect(await editor.save()).toBeUndefined()
    expect(editor.gone.value).toBe(true)
    expect((await editor.save())?.answer).toBe('我的')
    expect(editor.gone.value).toBe(false)
  })

  it('is not deleted in a state that was not seen', async () => {
    const place = gateway(entry())
    const editor = await opened(place.base, drafts())
    place.others({ answer: '对方的' })
    expect(await editor.remove()).toBe(false)
    expect(editor.theirs.value?.value.answer).toBe('对方的')
    editor.discard()
    expect(await editor.remove()).toBe(true)
    expect(place.kept()).toBeUndefined()
  })

  it('is added once, however often it is sent; another text is another entry', async () => {
    const [place, shelf] = [gateway(undefined), drafts()]
    const target: Target = { kind: 'unknown', query: '月球', sample: '月球？' }
    const editor = useEditor(place.base, shelf, target)
    expect([editor.fields.question, editor.loaded.value]).toEqual(['月球？', true])
    await expect(editor.save()).rejects.toThrow('Failed to fetch')
    await expect(editor.save()).rejects.toThrow('Failed to fetch')
    editor.fields.answer = '没有'
    // It is a draft of its own, beside the one of a new entry.
    expect(useEditor(place.base, shelf, target).fields.answer).toBe('没有')
    expect(useEditor(place.base, shelf, { kind: 'new' }).fields).toEqual(EMPTY)
    expect((await editor.save())?.question).toBe('月球？')
    const [first, second, third] = place.seen.once
    expect(first === second && second !== third).toBe(true)
  })

  it('keeps what is wrong for whoever shows it, and the draft', async () => {
    const [place, shelf] = [gateway(entry()), drafts()]
    const editor = await opened(place.base, shelf)
    editor.fields.answer = ''
    const error: unknown = await editor.save().catch((refused: unknown) => refused)
    expect(findings(error, 'en')).toEqual([{ field: 'answer', detail: 'an answer is required' }])
    expect(shelf.get(draftKey(ONE))).not.toBe('')
  })
})

describe('what a robot would do', () => {
  const hit = (over: Partial<Hit> = {}): Hit => ({ id: 'a', kind: 'faq', question: '问', p: 0.93, exact: false, score: 9, ...over })
  const tried = (over: Partial<Tried> = {}): Tried => ({ query: '问', decision: 'answer', chosen: ['a'], hits: [hit()], thresholds: { direct: 0.65, margin: 0.1, clarify: 0.35, chitchat: 0.8, list: 5 }, ...over })

  it('is told with its reason, in both languages', () => {
    const all: Tried[] = [
      tried(), tried({ hits: [hit({ exact: true, p: 1 })] }), tried({ decision: 'clarify', chosen: ['a', 'b'], hits: [hit({ p: 0.5 }), hit({ id: 'b', p: 0.4 })] }),
      tried({ decision: 'clarify', hits: [hit({ p: 0.7 })] }), tried({ decision: 'clarify', hits: [hit({ p: 0.22 })] }), tried({ decision: 'chitchat' }), tried({ decision: 'chitchat', hits: [hit({ exact: true, p: 1 })] }), tried({ decision: 'miss', chosen: [], hits: [hit({ p: 0.1 })] }), tried({ decision: 'miss', chosen: [], hits: [] }),
    ]
    for (const one of all) {
      const [zh, en] = [judged(one, 'zh'), judged(one, 'en')]
      expect(`${zh.title}${zh.why}`).toMatch(/\p{Script=Han}/u)
      expect(`${en.title}${en.why}`).not.toMatch(/\p{Script=Han}|undefined|NaN/u)
    }
    expect(new Set(all.map((one) => judged(one, 'en').why)).size).toBe(all.length)
    expect(judged(tried(), 'zh').why).toContain('93%')
    // Small talk that is near does not make a miss a near miss.
    expect(judged(tried({ decision: 'miss', chosen: [], hits: [hit({ kind: 'chitchat', p: 0.7 }), hit({ id: 'b', p: 0.2 })] }), 'en').why).toContain('20%')
  })

  it('marks what is answered and what is offered', () => {
    expect(role(hit(), tried())).toBe('answered')
    expect(role(hit({ id: 'b' }), tried())).toBe('none')
    expect(role(hit(), tried({ decision: 'clarify' }))).toBe('offered')
  })
})

describe('words about an entry', () => {
  it('say whether it is answered, as the gateway sees it', () => {
    const [from, to] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z']
    const at = (now: string, over: Partial<Entry> = {}) => standing(entry({ valid_from: from, valid_to: to, ...over }), Date.parse(now))
    expect([at('2025-12-31T23:59:59Z'), at(from), at(to), at('2026-01-02T00:00:01Z'), at(from, { enabled: false })]).toEqual(['early', 'answered', 'answered', 'late', 'disabled'])
  })

  it('name the fields in which two states differ', () => {
    expect(differences(textOf(entry()), textOf(entry({ answer: '别的', similar: ['一'] })))).toEqual(['similar', 'answer'])
  })

  it('use the words of the gateway where it has some', () => {
    expect(refusal(new HttpProblem(409, 'conflict', '标识已被使用 / the id is taken', 0), 'en')).toBe('the id is taken')
    expect(refusal(new HttpProblem(403, 'forbidden', '仅限班长与管理员 / for supervisors and administrators only', 0), 'zh')).toBe('仅限班长与管理员')
    for (const error of [new HttpProblem(500, 'internal', 'x / y', 0), new HttpProblem(429, 'rate_limited', '', 60), new TypeError('Failed to fetch')]) expect(refusal(error, 'en')).toMatch(/again/)
  })
})

describe('words of the trade', () => {
  it('are lines and groups, and come back as they were', () => {
    const { vocabulary, wordLines, groupLines } = readWords('驿站通\n\n U盾 \n驿站通', '信用卡、贷记卡, 信用卡\n\nApple Pay|苹果，支付')
    expect(vocabulary).toEqual({ words: ['驿站通', 'U盾'], synonyms: [['信用卡', '贷记卡'], ['Apple Pay', '苹果，支付']] })
    expect([wordLines, groupLines]).toEqual([[1, 3], [1, 3]])
    const lines = writeWords(vocabulary)
    expect(readWords(lines.words, lines.synonyms).vocabulary).toEqual(vocabulary)
    // Lines without a word mean nothing, and a group of separators alone is one that the gateway refuses.
    expect(readWords('', '、').vocabulary.synonyms).toEqual([[]])
  })

  it('are called wrong in their line', () => {
    expect(wordPlace('words[1]', [1, 3], [])).toEqual({ text: 'words', line: 3 })
    expect(wordPlace('synonyms[0][1]', [], [2])).toEqual({ text: 'synonyms', line: 2 })
    expect(wordPlace('words', [1], [])).toEqual({ text: 'words', line: undefined })
    expect(wordPlace('after', [], [])).toBeUndefined()
  })
})
