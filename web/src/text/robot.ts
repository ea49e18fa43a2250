/** What robots and forms do, in words: events of the log, decisions, why they hand over, their note to the agent. Pure. */
import type { Lang } from './time'

type Words = Record<string, [zh: string, en: string]>

const REASONS: Words = {
  asked: ['客户要求', 'the customer asked'],
  missed: ['多次未能回答', 'too many questions without an answer'],
  repeated: ['重复同一答案', 'the same answer again'],
  unhelpful: ['客户认为没有帮助', 'the answers were of no help'],
  sensitive: ['敏感业务', 'a matter for a person'],
  angry: ['客户情绪激动', 'the customer is angry'],
  adapter: ['机器人请求', 'the robot asked'],
  failed: ['机器人故障', 'the robot failed'],
  loop: ['对话过于频繁', 'too many answers in a short time'],
  flow: ['流程转接', 'a form led there'],
  taken_over: ['人工接管', 'taken over by an agent'],
}

const DECISIONS: Words = {
  answer: ['直接回答', 'Answered'],
  clarify: ['请客户选择', 'Asked which one'],
  chitchat: ['闲聊', 'Small talk'],
  fallback: ['未能回答', 'No answer'],
  confirm: ['询问是否转人工', 'Offered a person'],
  handoff: ['转人工', 'Handed over'],
  flow: ['进入流程', 'Started a form'],
  end: ['结束会话', 'Ended the session'],
  later: ['稍后答复', 'Answers later'],
  stale: ['答复已过时', 'Came too late'],
  waiting: ['正在回答', 'Working on it'],
}

const ADAPTERS: Words = {
  faq: ['知识库', 'Question base'],
  openai: ['大模型', 'Language model'],
  rasa: ['Rasa', 'Rasa'],
  dify: ['Dify', 'Dify'],
  webhook: ['外部接口', 'Webhook'],
  script: ['脚本', 'Script'],
}

/** Why a form is over, other than by its own end. */
const EXITS: Words = {
  cancelled: ['客户取消', 'by the customer'],
  failed: ['多次填写有误', 'too many wrong entries'],
  expired: ['超时', 'timed out'],
  trouble: ['外部系统故障', 'another system failed'],
  gone: ['流程已下线', 'the form is gone'],
  replaced: ['换了流程', 'another form began'],
  taken_over: ['人工接管', 'taken over by an agent'],
  handoff: ['转人工', 'handed over'],
  robot: ['交给机器人', 'the robot goes on'],
  ended: ['会话结束', 'the session ended'],
}

const say = (words: Words, key: string, lang: Lang): string => words[key]?.[lang === 'zh' ? 0 : 1] ?? key

export const decisionText = (decision: string, lang: Lang): string => say(DECISIONS, decision, lang)
export const adapterText = (adapter: string, lang: Lang): string => say(ADAPTERS, adapter, lang)
export const handoffReason = (reason: string, lang: Lang): string => say(REASONS, reason, lang)

/** A line of the log about a robot or a form; undefined for any other event. */
export function machineEvent(name: string, data: Record<string, unknown>, lang: Lang): string | undefined {
  const zh = lang === 'zh'
  const text = (key: string): string => (typeof data[key] === 'string' ? data[key] : '')
  const number = (key: string): number | undefined => (typeof data[key] === 'number' ? data[key] : undefined)
  const line = (...parts: string[]): string => parts.filter(Boolean).join(' · ')
  const form = text('title') || text('name') || text('flow')
  const shown = form ? (zh ? `「${form}」` : ` “${form}”`) : ''
  const exit = (key: string): string => (text(key) ? say(EXITS, text(key), lang) : '')
  switch (name) {
    case 'session.robot_started':
      return zh ? '机器人开始接待' : 'The robot answers from here'
    case 'session.robot_ended': {
      const turns = number('turns')
      const asked = turns === undefined ? '' : zh ? `共 ${turns} 轮问答` : `${turns} ${turns === 1 ? 'question' : 'questions'}`
      return line(zh ? '机器人结束接待' : 'The robot has stopped', handoffReason(text('outcome'), lang), asked)
    }
    case 'session.handoff_requested': {
      const missed = number('missed')
      const without = missed ? (zh ? `未答 ${missed} 次` : `${missed} not answered`) : ''
      return line(zh ? '机器人请求转人工' : 'The robot asks for an agent', handoffReason(text('reason'), lang), without, text('summary'))
    }
    case 'session.rated': {
      const score = number('score')
      return line(zh ? `客户评价${score === undefined ? '' : ` ${score} 分`}` : `Rated by the customer${score === undefined ? '' : `: ${score}`}`, text('words'))
    }
    case 'flow.started':
      return zh ? `流程${shown}开始` : `Form${shown} started`
    case 'flow.ended':
    case 'flow.cancelled':
      if (text('outcome') === 'completed') return machineEvent('flow.completed', data, lang)
      return line(zh ? `流程${shown}结束` : `Form${shown} is over`, exit('outcome') || exit('reason'))
    case 'flow.completed':
      return zh ? `流程${shown}完成` : `Form${shown} completed`
    default:
      return undefined
  }
}

/** A line of the hand-over note: a turn of the robot, or plain words. */
export type NoteLine = { kind: 'words'; text: string } | { kind: 'turn'; query: string; decision: string; near?: string; p?: number }

const TURN = /^· (.*) → (\S+?)(?:（(.*) ([01]\.\d\d)）)?$/su

/** Takes a robot's note to the agent apart: what it says first, and what it was asked. */
export function handover(note: string): NoteLine[] {
  return note.split('\n').filter(Boolean).map((text) => {
    const [, query, decision, near, p] = TURN.exec(text) ?? []
    if (query === undefined || decision === undefined) return { kind: 'words', text }
    return { kind: 'turn', query, decision, ...(near !== undefined && { near, p: Number(p) }) }
  })
}
