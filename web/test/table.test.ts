import { describe, expect, it } from 'vitest'
import { useImport } from '../src/console/faq/importing'
import { column, decode, rows } from '../src/text/csv'
import type { FaqBase, ImportReport } from '../src/wire/faq'
import { HttpProblem } from '../src/wire/http'

const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer
const utf8 = (text: string): ArrayBuffer => new TextEncoder().encode(text).buffer as ArrayBuffer

describe('a table', () => {
  it('has rows that begin at the line that the gateway names', () => {
    const table = rows('\uFEFFid,question\r\na,"多\r\n行"\r\n\r\n,\r\nb,"他说 ""好"", 行"\nc,尾')
    expect(table.map(({ line, cells }) => [line, ...cells])).toEqual([[1, 'id', 'question'], [2, 'a', '多\r\n行'], [6, 'b', '他说 "好", 行'], [7, 'c', '尾']])
    expect([...column(table, 'question')]).toEqual([[2, '多\r\n行'], [6, '他说 "好", 行'], [7, '尾']])
    expect(column(table, 'id').get(6)).toBe('b')
    expect(column(table, 'answer').size).toBe(0)
    expect(rows('')).toEqual([])
    expect(rows('a\n"open,')).toHaveLength(2)
  })

  it('is read in UTF-8 and in what Chinese spreadsheets write', () => {
    expect(decode(utf8('问'))).toEqual({ text: '问', gbk: false })
    expect(decode(bytes(0xc4, 0xe3, 0xba, 0xc3))).toEqual({ text: '你好', gbk: true })
    expect(decode(bytes(0xff, 0xff, 0xff))).toBeUndefined()
  })
})

describe('an import', () => {
  const report = (over: Partial<ImportReport> = {}): ImportReport => ({ rows: 2, added: 1, changed: 0, unchanged: 0, wrong: 1, errors: [{ line: 3, field: 'question', detail: '不能为空 / must say something' }], dry_run: true, ...over })
  const file = (text: string): File => ({ name: '问答.csv', size: text.length, arrayBuffer: async () => utf8(text) }) as unknown as File
  const TABLE = 'question,answer\n问,答\n？,答\n'

  /** A gateway that answers one after the other, and remembers what it was asked. */
  function gateway(...answers: (ImportReport | Error)[]) {
    const asked: { how: { partial?: boolean; dry_run?: boolean }; once: string | undefined }[] = []
    const base = {
      take: async (_table: string, how: { partial?: boolean; dry_run?: boolean }, once?: string) => {
        asked.push({ how, once })
        const answer = answers.shift()
        if (!answer || answer instanceof Error) throw answer ?? new Error('asked too often')
        return answer
      },
    } as unknown as FaqBase
    return { base, asked }
  }

  it('is checked first, and its mistakes stand beside their rows', async () => {
    const { base, asked } = gateway(report(), report({ dry_run: false }))
    const one = useImport(base)
    await one.check(file(TABLE))
    expect(asked).toEqual([{ how: { dry_run: true }, once: undefined }])
    expect([one.step.value.kind, one.gains.value]).toEqual(['checked', 1])
    expect(one.faults.value).toEqual([{ line: 3, question: '？', field: 'question', detail: '不能为空 / must say something' }])
    // Only the right rows, because somebody has been told about the wrong ones.
    expect(await one.take()).toBe(true)
    expect(asked[1]?.how).toEqual({ partial: true })
    expect([one.step.value.kind, one.faults.value.length]).toEqual(['taken', 1])
    expect(await one.take()).toBe(false)
  })

  it('without mistakes is taken in whole or not at all', async () => {
    const late = new HttpProblem(422, 'bad_request', '', 0, [{ line: 2, field: 'leads', detail: '没有这个流程 / there is no such flow' }])
    const { base, asked } = gateway(report({ wrong: 0, errors: [] }), late)
    const one = useImport(base)
    await one.check(file(TABLE))
    expect(await one.take()).toBe(false)
    expect(asked[1]?.how).toEqual({})
    expect(one.step.value).toMatchObject({ kind: 'failed', unsure: false })
    expect(one.faults.value.map(({ line, question }) => [line, question])).toEqual([[2, '问']])
  })

  it('whose answer is lost may be tried again under the same key', async () => {
    const { base, asked } = gateway(report({ wrong: 0, errors: [] }), new TypeError('Failed to fetch'), report({ wrong: 0, errors: [], dry_run: false }))
    const one = useImport(base)
    await one.check(file(TABLE))
    await one.take()
    expect(one.step.value).toMatchObject({ kind: 'failed', unsure: true })
    expect(await one.take()).toBe(true)
    expect(asked[1]?.once).toBe(asked[2]?.once)
  })

  it('that cannot be read says so', async () => {
    const { base } = gateway(new HttpProblem(422, 'bad_request', 'x', 0, [{ line: 1, field: 'question', detail: '首行须为列名 / the first line names the columns' }]))
    const one = useImport(base)
    await one.check(file('a,b\n'))
    expect([one.step.value.kind, one.faults.value[0]?.line]).toEqual(['refused', 1])
    await one.check({ ...file(''), size: 6 * 1024 * 1024 })
    expect(one.step.value).toEqual({ kind: 'unreadable', why: 'too_big' })
    await one.check({ name: 'x', size: 3, arrayBuffer: async () => bytes(0xff, 0xff, 0xff) } as unknown as File)
    expect(one.step.value).toEqual({ kind: 'unreadable', why: 'not_text' })
  })
})
