/** The question base in words: what a robot would do and why, how an entry stands, what was refused. Pure. */
import type { Entry, EntryText, Hit, Standing, Tried } from '../wire/faq'
import { HttpProblem, type Finding } from '../wire/http'
import { codeText, half } from './codes'
import type { Lang } from './time'

export const percent = (p: number): number => Math.round(Math.min(1, Math.max(0, p)) * 100)

export interface Judged {
  title: string
  why: string
  tone: 'accent' | 'warn' | 'seal'
}

/** What the robot would do about a question, and why: as `robot/faq/decide.rs` decides. */
export function judged({ decision, chosen, hits, thresholds }: Tried, lang: Lang): Judged {
  const zh = lang === 'zh'
  // Small talk is never offered, however near it is.
  const best = hits.find(({ id }) => id === chosen[0]) ?? hits.find(({ kind }) => kind === 'faq')
  const p = percent(best?.p ?? 0)
  const [direct, clarify, talk] = [percent(thresholds.direct), percent(thresholds.clarify), percent(thresholds.chitchat)]
  switch (decision) {
    case 'answer':
      return {
        tone: 'accent', title: zh ? '直接回答' : 'Answers at once',
        why: best?.exact
          ? zh ? '与这条问答的一种问法相同' : 'It is one of the wordings of this entry'
          : zh ? `把握 ${p}%，达到直接回答的 ${direct}%，且明显高于其他问答` : `${p}% sure: at least the ${direct}% for an answer, and clearly ahead of the others`,
      }
    case 'clarify':
      return { tone: 'warn', title: offer(chosen.length, zh), why: whyOffered(best?.p ?? 0, thresholds, zh) }
    case 'chitchat':
      return {
        tone: 'accent', title: zh ? '当作闲聊回应' : 'Answers as small talk',
        why: best?.exact ? (zh ? '与这条闲聊的一种说法相同' : 'It is one of the wordings of this small talk') : zh ? `把握 ${p}%，达到闲聊的 ${talk}%` : `${p}% sure: at least the ${talk}% for small talk`,
      }
    case 'miss':
      return {
        tone: 'seal', title: zh ? '答不上来' : 'Has no answer',
        why: best
          ? zh ? `最接近的一条只有 ${p}% 把握，不到列出候选的 ${clarify}%` : `Only ${p}% sure of the nearest entry; a list needs ${clarify}%`
          : zh ? '问答库中没有相近的问题' : 'Nothing near in the question base',
      }
  }
}

function offer(count: number, zh: boolean): string {
  if (count === 1) return zh ? '请客户确认是不是这一条' : 'Asks whether this one was meant'
  return zh ? `请客户从 ${count} 条中选择` : `Asks which of ${count} was meant`
}

function whyOffered(best: number, thresholds: Tried['thresholds'], zh: boolean): string {
  const [p, direct, clarify] = [percent(best), percent(thresholds.direct), percent(thresholds.clarify)]
  if (best >= thresholds.direct) return zh ? `最高把握 ${p}%，但与下一条太接近，分不出是哪一条` : `${p}% sure of the best, but the next one is too close to tell them apart`
  if (best >= thresholds.clarify) return zh ? `最高把握 ${p}%，达到列出候选的 ${clarify}%，不到直接回答的 ${direct}%` : `${p}% sure of the best: enough to offer a list (${clarify}%), too little for an answer (${direct}%)`
  return zh ? `客户只提到一样事物，没有问什么；把握都不高（最高 ${p}%），先列出提到它的问答` : `Only a thing was named and nothing was asked (at most ${p}% sure): the entries that name it are offered`
}

/** What a hit is in the robot's decision. */
export function role(hit: Hit, tried: Tried): 'answered' | 'offered' | 'none' {
  if (!tried.chosen.includes(hit.id)) return 'none'
  return tried.decision === 'clarify' ? 'offered' : 'answered'
}

/** As the gateway sees it: both ends of the time count. */
export function standing({ enabled, valid_from, valid_to }: Pick<EntryText, 'enabled' | 'valid_from' | 'valid_to'>, now: number): Standing {
  if (!enabled) return 'disabled'
  if (valid_from && now < Date.parse(valid_from)) return 'early'
  return valid_to && Date.parse(valid_to) < now ? 'late' : 'answered'
}

/** Why something was refused, for people: the gateway's own words where it has some. */
export function refusal(error: unknown, lang: Lang): string {
  if (!(error instanceof HttpProblem)) return lang === 'zh' ? '连接不上服务器，请稍后再试' : 'The server cannot be reached; try again later'
  if (error.status === 429) return codeText('rate_limited', lang)
  if (error.status === 401 || error.status >= 500 || !error.detail) return codeText(error.code, lang)
  return half(error.detail, lang)
}

/** The places of what is wrong, in one language. */
export function findings(error: unknown, lang: Lang): Finding[] {
  return error instanceof HttpProblem ? error.errors.map((one) => ({ ...one, detail: half(one.detail, lang) })) : []
}

/** The fields in which two states of an entry differ. */
export function differences(one: EntryText, other: EntryText): (keyof EntryText)[] {
  const fields: (keyof EntryText)[] = ['kind', 'question', 'similar', 'answer', 'leads', 'category', 'enabled', 'valid_from', 'valid_to']
  return fields.filter((field) => JSON.stringify(one[field]) !== JSON.stringify(other[field]))
}

/** What of an entry is written, without what the gateway adds. */
export function textOf({ kind, question, similar, answer, leads, category, enabled, valid_from, valid_to }: Entry): EntryText {
  return { kind, question, similar, answer, leads, category, enabled, valid_from, valid_to }
}
