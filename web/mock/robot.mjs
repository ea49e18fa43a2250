// A robot for the stand-in (MOCK_ROBOT=1): answers from a handful of questions, asks which one was meant, hands over. For building the pages.
import { Refusal } from './desk.mjs'

const NAME = '小驿'
const FAQ = [
  { faq: 'card-annual-fee', question: '信用卡年费如何减免？', answer: '普卡首年免年费，刷满 5 次免次年年费。\n详见 https://bank.example/fee' },
  { faq: 'card-bill-query', question: '如何查询信用卡账单？', answer: '登录手机银行，在“信用卡—账单查询”中查看近 12 期账单。' },
  { faq: 'card-bill-day', question: '如何修改信用卡账单日？', answer: '登录手机银行，在“信用卡—账单日管理”中修改，每年可改两次。' },
  { faq: 'card-repay', question: '信用卡有哪些还款方式？', answer: '可用手机银行、微信或柜台还款，实时到账。' },
  { faq: 'branch-hours', question: '营业网点几点开门？', answer: '网点工作日 9:00–17:00 营业，周末 9:30–16:00。' },
]
const THINKS_MS = 700
const GROWS_MS = 220

const bigrams = (text) => new Set([...text.replace(/[？?，。\s]/g, '')].map((char, at, all) => char + (all[at + 1] ?? '')).slice(0, -1))

/** The nearest questions: how much of the customer's words they share. */
function search(text) {
  const asked = bigrams(text)
  return FAQ.map((entry) => {
    const known = bigrams(entry.question)
    const shared = [...asked].filter((pair) => known.has(pair)).length
    return { entry, p: asked.size ? Math.min(0.97, Math.round((shared / Math.min(asked.size, known.size)) * (shared > 3 ? 1 : 0.6) * 100) / 100) : 0 }
  }).filter(({ p }) => p > 0).sort((a, b) => b.p - a.p)
}

export class Robot {
  constructor(desk) {
    this.desk = desk
    this.turns = new Map()
  }

  begin(conv) {
    this.desk.change(conv, { state: 'bot', control: { holder: 'robot' }, queue: undefined })
    this.desk.event(conv, 'session.robot_started', { adapter: 'faq' })
  }

  of(session) {
    if (!this.turns.has(session)) this.turns.set(session, [])
    return this.turns.get(session)
  }

  speak(conv, type, body) {
    const env = this.desk.append(conv, { role: 'robot', id: 'robot', name: NAME }, { type, body })
    this.desk.deliver(conv, env)
    return env
  }

  /** The customer said something; `false` when it is not the robot's. */
  hear(conv, env) {
    const { holder } = conv.session.control
    if (holder === 'agent') return this.suggest(conv, env)
    if (holder === 'none') this.begin(conv)
    else if (holder !== 'robot') return undefined
    const words = env.type === 'choice' ? env.body.label : (env.body.text ?? '')
    if (/人工/.test(words)) return this.handOver(conv, 'asked')
    const hits = env.type === 'choice' ? FAQ.filter((entry) => entry.question === words).map((entry) => ({ entry, p: 1 })) : search(words)
    const turn = { seq: env.seq, adapter: 'faq', query: words, decision: 'waiting', hits: hits.slice(0, 5).map(({ entry, p }) => ({ faq: entry.faq, question: entry.question, p })), stale: false }
    this.of(conv.session.session).push(turn)
    const epoch = conv.session.control_epoch
    const asked = Date.now()
    setTimeout(() => this.answer(conv, turn, hits, epoch, asked), THINKS_MS)
    return undefined
  }

  answer(conv, turn, hits, epoch, asked) {
    if (conv.session.control.holder !== 'robot' || conv.session.control_epoch !== epoch) return void Object.assign(turn, { decision: 'stale', stale: true })
    const done = (decision, env) => Object.assign(turn, { decision, latency_ms: Date.now() - asked, ...(env && { reply_seq: env.seq }) })
    const [first, second] = hits
    if (!first || first.p < 0.4) return void done('fallback', this.speak(conv, 'text', { text: '抱歉，我没有理解您的问题，请换个说法，或回复“人工”。' }))
    if (first.p < 0.9 && second) {
      const options = [...hits.slice(0, 3).map(({ entry }) => entry.question), '都不是', '转人工客服'].map((label, at) => ({ key: String(at + 1), label }))
      return void done('clarify', this.speak(conv, 'menu', { prompt: '您想问的是哪一个？', options, tail: '' }))
    }
    const { answer } = first.entry
    const parts = [0.35, 0.7, 1].map((share) => answer.slice(0, Math.round(answer.length * share)))
    parts.forEach((text, at) => setTimeout(() => this.grow(conv, turn.seq, text), at * GROWS_MS))
    return void setTimeout(() => done('answer', this.speak(conv, 'text', { text: answer })), parts.length * GROWS_MS)
  }

  grow(conv, turn, text) {
    for (const conn of this.desk.conns) if (conn.me?.role === 'contact' && conn.follows(conv)) conn.push({ op: 'robot.delta', d: { conv: conv.id, turn, text } })
  }

  handOver(conv, reason) {
    const turns = this.of(conv.session.session)
    const missed = turns.filter((turn) => turn.decision === 'fallback').length
    this.desk.event(conv, 'session.handoff_requested', { reason, queue: null, summary: null, missed })
    this.desk.event(conv, 'session.robot_ended', { turns: turns.length, outcome: reason })
    const lines = turns.map((turn) => `· ${turn.query} → ${turn.decision}${turn.hits[0] ? `（${turn.hits[0].question} ${turn.hits[0].p.toFixed(2)}）` : ''}`)
    this.desk.append(conv, { role: 'robot', id: 'robot', name: NAME }, { type: 'note', body: { text: ['机器人转人工：客户要求', ...lines].join('\n') } }, { visibility: 'agents' })
    this.desk.handoff(conv)
  }

  suggest(conv, env) {
    if (env.type !== 'text') return
    const answers = search(env.body.text).filter(({ p }) => p >= 0.3).slice(0, 3).map(({ entry, p }) => ({ ...entry, p }))
    if (answers.length) this.desk.toAgent(conv.session.control.agent, { op: 'suggest', d: { conv: conv.id, seq: env.seq, answers } })
  }

  list(conn) {
    return [...this.desk.convs.values()].filter((conv) => conv.session?.state === 'bot').map((conv) => this.desk.state(conv, conn))
  }

  takeOver(conn, id) {
    const conv = this.desk.bySession(id)
    const agent = this.desk.agents.get(conn.me.id)
    if (conv.session.state === 'ended') throw new Refusal('session_ended')
    if (conv.session.state !== 'bot') throw new Refusal('conflict')
    if (agent.load >= agent.capacity) throw new Refusal('agent_capacity')
    this.desk.take(conv, agent)
    this.desk.event(conv, 'session.robot_ended', { turns: this.of(id).length, outcome: 'taken_over' })
    return { conv: this.desk.state(conv, conn) }
  }

  back(conn, id) {
    const conv = this.desk.bySession(id)
    const { assignment, control } = conv.session
    if (control.agent !== conn.me.id) throw new Refusal('not_in_control')
    this.desk.change(conv, { assignment: { ...assignment, state: 'wrapup', until: new Date(Date.now() + 30_000).toISOString() } })
    this.begin(conv)
    this.desk.say(conv, 'system', `现在由${NAME}继续为您服务，需要人工客服请回复“人工”。`)
    return {}
  }

  feedback(conv, { seq, helpful }) {
    const turn = [...this.turns.values()].flat().find((one) => one.reply_seq === seq)
    if (!turn || conv.log[seq - 1]?.from.role !== 'robot') throw new Refusal('not_found')
    turn.helpful ??= helpful
    return {}
  }

  survey(conv) {
    conv.survey = true
    this.desk.append(conv, { role: 'flow', id: 'flow' }, { type: 'menu', body: { prompt: '请评价本次服务：', options: [{ key: '1', label: '满意' }, { key: '2', label: '一般' }, { key: '3', label: '不满意' }] } })
  }

  rated(conv, content) {
    conv.survey = false
    this.desk.event(conv, 'session.rated', { score: { 1: 5, 2: 3, 3: 1 }[content.body.key] ?? 3, words: null })
    this.desk.say(conv, 'system', '感谢您的评价。')
  }
}
