// A small desk that speaks the wire protocol: conversations, one queue, offers, hand-over. For building the pages; it keeps nothing.
import { randomBytes } from 'node:crypto'

export const rid = (prefix) => `${prefix}_${randomBytes(8).toString('hex')}`
const iso = (ms = Date.now()) => new Date(ms).toISOString()

export class Refusal extends Error {
  constructor(code, retry = false) {
    super(code)
    this.code = code
    this.retry = retry
  }
}

const OFFER_MS = 20_000
const WRAPUP_MS = 30_000
const GREETING = '您好，这里是驿站示例银行。请直接输入您的问题。'

export class Desk {
  constructor({ toChannel }) {
    this.convs = new Map()
    this.conns = new Set()
    this.media = new Map()
    this.toChannel = toChannel
    this.agents = new Map(
      [['li', '小李'], ['wang', '小王'], ['zhang', '张班长']].map(([id, name]) => [id, { id, name, status: 'busy', capacity: 5, load: 0, queues: ['service'] }]),
    )
    this.queues = new Map([['service', { id: 'service', name: '人工客服' }], ['loan', { id: 'loan', name: '贷款专席' }]])
    this.offers = new Map()
    this.closed = false
    setInterval(() => this.sweep(), 500).unref()
  }

  // --- conversations -------------------------------------------------------------------------------------------------
  conv({ key, contact, kind, account }) {
    for (const conv of this.convs.values()) if (conv.key === key) return conv
    const conv = {
      key, id: rid('c'), epoch: 'e1', kind, account, contact: { id: contact.id, name: contact.name, channel: kind, account }, log: [], session: null,
      marks: new Map(), cids: new Map(), window: kind === 'wechat' ? { left: 0, until: iso(0) } : undefined, held: [], v: 0,
    }
    this.convs.set(conv.id, conv)
    return conv
  }

  session(conv) {
    if (conv.session && conv.session.state !== 'ended') return conv.session
    conv.session = { session: rid('s'), conv: conv.id, v: ++conv.v, state: 'new', control: { holder: 'none' }, control_epoch: 1, started_at: iso() }
    this.event(conv, 'session.started')
    return conv.session
  }

  append(conv, from, content, extra = {}) {
    const seq = conv.log.length + 1
    const env = {
      v: 1, id: rid('m'), tenant: 'demo', conv: conv.id, session: conv.session?.session, seq, ts: iso(), from, visibility: extra.visibility ?? 'all',
      ...content, fallback: fallback(content), channel: { kind: conv.kind, account: conv.account }, control_epoch: conv.session?.control_epoch ?? 0,
    }
    for (const key of ['cid', 'reply_to', 'replaces']) if (extra[key]) env[key] = extra[key]
    conv.log.push(env)
    for (const conn of this.conns) if (conn.sees(conv, env)) conn.push({ op: 'msg', prev: this.prevSeen(conn, conv, seq), d: env })
    return env
  }

  prevSeen(conn, conv, seq) {
    for (let at = seq - 1; at >= 1; at -= 1) if (visible(conn, conv.log[at - 1])) return at
    return 0
  }

  event(conv, name, data = {}) {
    return this.append(conv, { role: 'system', id: 'system' }, { type: 'event', body: { name, data } })
  }

  say(conv, role, text) {
    const env = this.append(conv, { role, id: role }, { type: 'text', body: { text } })
    this.deliver(conv, env)
    return env
  }

  // --- from the contact ----------------------------------------------------------------------------------------------
  inbound(conv, content, extra = {}) {
    const rating = conv.survey && content.type === 'choice'
    const session = rating ? conv.session : this.session(conv)
    const env = this.append(conv, { role: 'contact', id: conv.contact.id, name: conv.contact.name }, content, extra)
    if (conv.kind === 'wechat') {
      conv.window = { left: 5, until: iso(Date.now() + 48 * 3600_000) }
      this.pushWindow(conv)
      for (const held of conv.held.splice(0)) this.deliver(conv, held)
    }
    if (rating) this.robot.rated(conv, content)
    else if (this.robot) this.robot.hear(conv, env)
    // Without a robot the first message asks for a person.
    else if (session.control.holder === 'none') this.handoff(conv)
    return env
  }

  menu(conv) {
    const env = this.append(conv, { role: 'system', id: 'system' }, { type: 'menu', body: { prompt: '请选择您要咨询的业务：', options: [{ key: '1', label: '信用卡账单' }, { key: '2', label: '个人贷款' }, { key: '3', label: '转人工' }], tail: '点击或回复序号' } })
    this.deliver(conv, env)
  }

  greet(conv) {
    this.session(conv)
    this.say(conv, 'system', GREETING)
  }

  handoff(conv, queue = 'service') {
    const session = this.session(conv)
    if (session.control.holder === 'queue') throw new Refusal('already_queued')
    if (this.closed) {
      this.change(conv, { state: 'new', control: { holder: 'leave_message' } })
      this.say(conv, 'system', '现在不在服务时间（工作日 9:00–18:00）。请留言，我们会尽快联系您。')
      return
    }
    this.change(conv, { state: 'queued', control: { holder: 'queue' }, queue: { queue, pos: this.waiting(queue).length + 1, ewt_s: 90, since: iso() } })
    this.event(conv, 'session.queued')
    this.say(conv, 'system', '正在为您转接人工客服，请稍候。')
    this.route(queue)
    this.pushQueue(queue)
  }

  change(conv, patch) {
    const session = conv.session
    const raised = patch.control && patch.control.holder !== session.control.holder
    Object.assign(session, patch, { v: ++conv.v, control_epoch: session.control_epoch + (raised ? 1 : 0) })
    for (const key of Object.keys(session)) if (session[key] === undefined) Reflect.deleteProperty(session, key)
    for (const conn of this.conns) if (conn.follows(conv)) conn.push({ op: 'session', d: session })
  }

  // --- routing -------------------------------------------------------------------------------------------------------
  waiting(queue) {
    return [...this.convs.values()].filter((c) => c.session?.state === 'queued' && c.session.queue?.queue === queue)
  }

  route(queue) {
    for (const conv of this.waiting(queue)) {
      if (conv.offer) continue
      const agent = [...this.agents.values()]
        .filter((a) => a.status === 'ready' && a.load < a.capacity && a.queues.includes(queue) && this.online(a.id) && !(conv.excluded?.get(a.id) > Date.now()))
        .sort((a, b) => a.load / a.capacity - b.load / b.capacity)[0]
      if (agent) this.offer(conv, agent)
    }
  }

  online(agent) {
    return [...this.conns].some((c) => c.me?.role === 'agent' && c.me.id === agent)
  }

  offer(conv, agent, from) {
    const offer = {
      assignment: rid('a'), session: conv.session.session, conv: conv.id, queue: conv.session.queue?.queue ?? 'service', contact: conv.contact,
      summary: conv.log.filter((m) => m.from.role === 'contact').slice(-2).map((m) => m.fallback).join(' / '),
      waited_ms: Date.now() - Date.parse(conv.session.queue?.since ?? iso()), expires_at: iso(Date.now() + OFFER_MS), token: rid('t'),
    }
    if (from) offer.transfer_from = from.id
    conv.offer = { ...offer, agent: agent.id, from: from?.id }
    this.offers.set(offer.assignment, conv)
    this.toAgent(agent.id, { op: 'offer', d: offer })
  }

  endOffer(conv, reason, except) {
    const offer = conv.offer
    if (!offer) return
    conv.offer = undefined
    this.offers.delete(offer.assignment)
    for (const conn of this.conns) if (conn !== except && conn.me?.id === offer.agent) conn.push({ op: 'offer.revoke', d: { assignment: offer.assignment, reason } })
  }

  accept(conn, { assignment, token }) {
    const conv = this.offers.get(assignment)
    if (!conv || conv.offer.token !== token || conv.offer.agent !== conn.me.id) throw new Refusal('offer_gone')
    const { from } = conv.offer
    this.endOffer(conv, 'accepted', conn)
    if (from) this.leave(conv, from)
    this.take(conv, this.agents.get(conn.me.id), assignment)
    return { conv: this.state(conv, conn) }
  }

  take(conv, agent, assignment = rid('a')) {
    agent.load += 1
    const queue = conv.session.queue?.queue
    this.change(conv, { state: 'active', control: { holder: 'agent', agent: agent.id }, queue: undefined, assignment: { assignment, agent: agent.id, agent_name: agent.name, state: 'active', since: iso() } })
    for (const conn of this.conns) if (conn.me?.id === agent.id) conn.push({ op: 'conv', d: this.state(conv, conn) })
    this.event(conv, 'session.connected', { agent: agent.id, agent_name: agent.name })
    this.say(conv, 'system', `客服${agent.name}为您服务。`)
    this.presence(agent)
    if (queue) this.pushQueue(queue)
  }

  leave(conv, agentId) {
    const agent = this.agents.get(agentId)
    agent.load = Math.max(0, agent.load - 1)
    this.event(conv, 'session.transferred', {})
    this.toAgent(agentId, { op: 'conv.gone', d: { conv: conv.id } })
    this.presence(agent)
  }

  reject(conn, { assignment, token }) {
    const conv = this.offers.get(assignment)
    if (!conv || conv.offer.token !== token) throw new Refusal('offer_gone')
    this.declined(conv, 15_000)
    return {}
  }

  declined(conv, cooldown) {
    const { agent, from } = conv.offer
    ;(conv.excluded ??= new Map()).set(agent, Date.now() + cooldown)
    this.endOffer(conv, 'expired')
    if (from) this.event(conv, 'transfer.failed')
  }

  sweep() {
    for (const conv of this.convs.values()) {
      if (conv.offer && Date.parse(conv.offer.expires_at) < Date.now()) this.declined(conv, 5000)
      const done = conv.session?.assignment
      if (done?.state === 'wrapup' && Date.parse(done.until) < Date.now()) this.wrapped(conv)
    }
    for (const queue of this.queues.keys()) this.route(queue)
  }

  pull(conn, { queue }) {
    const agent = this.agents.get(conn.me.id)
    if (agent.load >= agent.capacity) throw new Refusal('agent_capacity')
    const conv = this.waiting(queue)[0]
    if (!conv) throw new Refusal('not_found')
    this.endOffer(conv, 'taken')
    this.take(conv, agent)
    return { conv: this.state(conv, conn) }
  }

  transfer(conn, { session, to }) {
    const conv = this.bySession(session)
    const me = this.agents.get(conn.me.id)
    const target = to.agent ? this.agents.get(to.agent) : [...this.agents.values()].find((a) => a.id !== me.id && a.status === 'ready' && this.online(a.id))
    if (!target || !this.online(target.id)) throw new Refusal('no_agent')
    this.event(conv, 'transfer.requested', { from: me.id })
    this.offer(conv, target, me)
    return {}
  }

  end(conv, by, reason) {
    if (!conv.session || conv.session.state === 'ended') throw new Refusal('session_ended')
    this.endOffer(conv, 'cancelled')
    const was = conv.session.assignment
    const assignment = was ? { ...was, state: 'wrapup', until: iso(Date.now() + WRAPUP_MS) } : undefined
    const queue = conv.session.queue?.queue
    this.change(conv, { state: 'ended', control: { holder: 'none' }, queue: undefined, assignment, ended: { by, reason, at: iso() } })
    this.event(conv, 'session.ended', { by })
    this.say(conv, 'system', '本次服务已结束，感谢您的咨询。')
    this.onEnd?.(conv)
    if (was) this.robot?.survey(conv)
    if (queue) this.pushQueue(queue)
  }

  wrapped(conv) {
    const { assignment } = conv.session
    assignment.state = 'done'
    const agent = this.agents.get(assignment.agent)
    agent.load = Math.max(0, agent.load - 1)
    this.change(conv, { assignment })
    this.toAgent(agent.id, { op: 'conv.gone', d: { conv: conv.id } })
    this.presence(agent)
  }

  // --- to the contact ------------------------------------------------------------------------------------------------
  deliver(conv, env) {
    if (env.visibility !== 'all' || conv.kind !== 'wechat' || ['recall', 'event'].includes(env.type)) return
    const human = env.from.role === 'agent'
    if (human && conv.window.left <= 0) {
      conv.held.push(env)
      this.receipt(conv, env, 'held', 'channel_quota')
      return
    }
    if (human) {
      conv.window.left -= 1
      this.pushWindow(conv)
      this.receipt(conv, env, 'sending')
    }
    setTimeout(() => {
      const code = this.toChannel(conv, env)
      if (human) this.receipt(conv, env, code ? (code === 'uncertain' ? 'uncertain' : 'failed') : 'delivered', code)
    }, 250)
  }

  receipt(conv, env, state, code) {
    ;(conv.receipts ??= new Map()).set(env.id, { conv: conv.id, who: 'channel', id: env.id, seq: env.seq, state, ...(code && { code }) })
    for (const conn of this.conns) if (conn.me?.role === 'agent' && conn.follows(conv)) conn.push({ op: 'receipt', d: { conv: conv.id, id: env.id, seq: env.seq, state, ...(code && { code }) } })
  }

  // --- views ---------------------------------------------------------------------------------------------------------
  state(conv, conn) {
    const mark = conv.marks.get(conn.me.id) ?? { delivered: 0, read: 0 }
    const seen = conv.log.filter((m) => visible(conn, m))
    return { conv: conv.id, epoch: conv.epoch, last_seq: conv.log.length, ...mark, contact: conv.contact, session: conv.session ?? undefined, window: conv.window, last: seen[seen.length - 1] }
  }

  ready(conn) {
    const mine = [...this.convs.values()].filter((c) => conn.follows(c)).map((c) => this.state(c, conn))
    if (conn.me.role === 'contact') return { convs: mine }
    const agent = this.agents.get(conn.me.id)
    return {
      convs: mine, agent: agentState(agent), offers: [...this.offers.values()].filter((c) => c.offer.agent === agent.id).map((c) => c.offer),
      queues: [...this.queues.values()].map((q) => ({ queue: q.id, name: q.name, waiting: this.waiting(q.id).length })),
      colleagues: [...this.agents.values()].filter((a) => a.id !== agent.id).map((a) => ({ agent: a.id, name: a.name, status: this.online(a.id) ? a.status : 'offline', load: a.load, capacity: a.capacity })),
    }
  }

  recover(conn, cursors = []) {
    return cursors.map(({ conv: id, epoch, seq }) => {
      const conv = this.convs.get(id)
      if (!conv || !conn.follows(conv) || conv.epoch !== epoch) return { conv: id, epoch: conv?.epoch ?? epoch, recovered: false }
      return { conv: id, epoch, recovered: true, msgs: conv.log.filter((m) => m.seq > seq && visible(conn, m)) }
    })
  }

  history(conn, { conv: id, before, after, limit = 50 }) {
    const conv = this.need(conn, id)
    let all = conv.log.filter((m) => visible(conn, m) && (before === undefined || m.seq < before) && (after === undefined || m.seq > after))
    const has_more = all.length > limit
    all = after === undefined ? all.slice(-limit) : all.slice(0, limit)
    return { msgs: all, has_more, receipts: [...(conv.receipts ?? new Map()).values()].filter((one) => all.some((m) => m.id === one.id)) }
  }

  need(conn, id) {
    const conv = this.convs.get(id)
    if (!conv || !conn.follows(conv)) throw new Refusal('not_found')
    return conv
  }

  bySession(id) {
    const conv = [...this.convs.values()].find((c) => c.session?.session === id)
    if (!conv) throw new Refusal('not_found')
    return conv
  }

  toAgent(id, frame) {
    for (const conn of this.conns) if (conn.me?.role === 'agent' && conn.me.id === id) conn.push(frame)
  }

  presence(agent) {
    for (const conn of this.conns) if (conn.me?.role === 'agent') conn.push({ op: 'presence', d: { agent: agent.id, name: agent.name, ...agentState(agent), status: this.online(agent.id) ? agent.status : 'offline' } })
  }

  pushQueue(id) {
    const waiting = this.waiting(id)
    const longest = Math.max(0, ...waiting.map((c) => Date.now() - Date.parse(c.session.queue.since)))
    for (const conn of this.conns) if (conn.me?.role === 'agent') conn.push({ op: 'queue', d: { queue: id, name: this.queues.get(id).name, waiting: waiting.length, longest_ms: longest } })
  }

  pushMedia(conv, media) {
    for (const conn of this.conns) if (conn.me?.role === 'agent' && conn.follows(conv)) conn.push({ op: 'media', d: { conv: conv.id, state: 'ready', ...media } })
  }

  pushWindow(conv) {
    for (const conn of this.conns) if (conn.me?.role === 'agent' && conn.follows(conv)) conn.push({ op: 'window', d: { conv: conv.id, ...conv.window } })
  }
}

export const agentState = (a) => ({ status: a.status, reason: a.reason, load: a.load, capacity: a.capacity, display: a.status })

export const visible = (conn, env) => conn.me?.role === 'agent' || (env.visibility === 'all' && env.type !== 'note')

function fallback({ type, body }) {
  switch (type) {
    case 'text': case 'note': return body.text
    case 'image': return '[图片]'
    case 'voice': return '[语音]'
    case 'video': return '[视频]'
    case 'file': return `[文件] ${body.name}`
    case 'location': return `[位置] ${body.label}`
    case 'link': return `${body.title} ${body.url}`
    case 'event': return `[${body.name}]`
    case 'choice': return body.label
    case 'menu': return [body.prompt, ...body.options.map((o) => `${o.key}. ${o.label}`), body.tail].filter(Boolean).join('\n')
    default: return `[${type}]`
  }
}
