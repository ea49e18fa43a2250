/** A table on its way in: checked first, then taken in as a whole or, when somebody says so, its right rows only. Knows no component. */
import { computed, ref, shallowRef } from 'vue'
import { column, decode, rows } from '../../text/csv'
import { randomId } from '../../wire/device'
import { MOST_TABLE_BYTES, type FaqBase, type ImportReport } from '../../wire/faq'
import { HttpProblem, type Finding } from '../../wire/http'

/** A mistake beside the row that has it. */
export interface Fault {
  line: number | undefined
  question: string
  field: string
  detail: string
}

export type Step =
  | { kind: 'none' }
  | { kind: 'checking' }
  /** It could not be read at all. */
  | { kind: 'unreadable'; why: 'too_big' | 'not_text' }
  | { kind: 'refused'; error: unknown; faults: Finding[] }
  | { kind: 'checked'; report: ImportReport }
  | { kind: 'taking'; report: ImportReport }
  | { kind: 'taken'; report: ImportReport }
  /** Nothing was kept, or (`unsure`) nobody knows. `faults` are new since the check. */
  | { kind: 'failed'; report: ImportReport; error: unknown; unsure: boolean; faults: Finding[] }

/** A refusal of the gateway says that nothing was kept; a lost answer or a failure of its own says nothing. */
const isRefusal = (error: unknown): boolean => error instanceof HttpProblem && error.status < 500

export function useImport(base: FaqBase) {
  const step = ref<Step>({ kind: 'none' })
  const name = ref('')
  const gbk = ref(false)
  const text = shallowRef('')
  let once = ''
  let at = 0

  const questions = computed(() => column(rows(text.value), 'question'))
  const faults = computed<Fault[]>(() => {
    const now = step.value
    const found = now.kind === 'refused' || (now.kind === 'failed' && now.faults.length) ? now.faults : 'report' in now ? now.report.errors : []
    return found.map(({ line, field = '', detail }) => ({ line, field, detail, question: line === undefined ? '' : (questions.value.get(line) ?? '') }))
  })
  /** Entries that the table adds or changes. */
  const gains = computed(() => ('report' in step.value ? step.value.report.added + step.value.report.changed : 0))

  /** Looks what would happen; nothing is kept. */
  async function check(file: File): Promise<void> {
    const mine = ++at
    name.value = file.name
    gbk.value = false
    text.value = ''
    // One key for everything that is tried with this file: what may have been taken in is not taken in twice.
    once = randomId('import')
    if (file.size > MOST_TABLE_BYTES) return void (step.value = { kind: 'unreadable', why: 'too_big' })
    step.value = { kind: 'checking' }
    const decoded = decode(await file.arrayBuffer())
    if (mine !== at) return
    if (!decoded) return void (step.value = { kind: 'unreadable', why: 'not_text' })
    text.value = decoded.text
    gbk.value = decoded.gbk
    try {
      const report = await base.take(decoded.text, { dry_run: true })
      if (mine === at) step.value = { kind: 'checked', report }
    } catch (error) {
      if (mine === at) step.value = { kind: 'refused', error, faults: error instanceof HttpProblem ? [...error.errors] : [] }
    }
  }

  /** Takes the table in: as a whole, or its right rows where some were found wrong. Whether something was kept. */
  async function take(): Promise<boolean> {
    const now = step.value
    if (now.kind !== 'checked' && now.kind !== 'failed') return false
    const { report } = now
    step.value = { kind: 'taking', report }
    try {
      step.value = { kind: 'taken', report: await base.take(text.value, report.wrong > 0 ? { partial: true } : {}, once) }
      return true
    } catch (error) {
      step.value = { kind: 'failed', report, error, unsure: !isRefusal(error), faults: error instanceof HttpProblem ? [...error.errors] : [] }
      return false
    }
  }

  return { step, name, gbk, faults, gains, check, take }
}
