// Calls of the stand-in: sets up, passes on, keeps what a returning device needs. One live call at a time per conversation; it keeps nothing.
import { createHash } from 'node:crypto'
import { Refusal, rid } from './desk.mjs'

const iso = (ms = Date.now()) => new Date(ms).toISOString()
const RING_MS = Number(process.env.MOCK_RING_MS ?? 30_000)
const CONNECTING_S = Number(process.env.MOCK_CONNECTING_S ?? 15)
const RECONNECTING_S = 20
const GRACE_MS = 3000
/** What the devices are not told. */
const INNER = ['conversation', 'devices', 'told', 'timer', 'muted', 'started']
const ice = () => ({ ice_servers: JSON.parse(process.env.MOCK_ICE ?? '[]'), ice_until: iso(Date.now() + 600_000) })
const policy = { relay_only: process.env.MOCK_RELAY === '1', record: process.env.MOCK_RECORD ?? 'client', connecting_s: CONNECTING_S, reconnecting_s: RECONNECTING_S, max_s: 3600, held_max_s: 300, stats_s: 10 }
const other = (side) => (side === 'agent' ? 'contact' : 'agent')
const sideOf = (conn) => (conn.me.role === 'agent' ? 'agent' : 'contact')

export class Calls {
  constructor(desk) {
    this.desk = desk
    desk.onEnd = (conv) => {
      const call = this.live((one) => one.conv === conv.id)
      if (call) this.finish(call, 'session_ended', 'system')
    }
    this.all = new Map()
    this.links = new Map()
    this.pieces = new Map()
    this.ops = Object.fromEntries(['invite', 'request', 'ringing', 'accept', 'reject', 'cancel', 'desc', 'ice', 'connected', 'reconnecting', 'ice_servers', 'mute', 'screen', 'hold', 'resume', 'upgrade', 'upgrade.ok', 'upgrade.deny', 'downgrade', 'record', 'consent', 'stats', 'quality', 'hangup', 'state', 'link', 'test'].map((op) => [`call.${op}`, (conn, d) => this[op](conn, d) ?? {}]))
  }

  live(test) {
    return [...this.all.values()].find((call) => call.state !== 'ended' && test(call))
  }

  conns(call, side) {
    return [...this.desk.conns].filter((conn) => conn.me && (side === 'agent' ? conn.me.role === 'agent' && conn.me.id === call.agent : conn.me.role === 'contact' && conn.me.id === call.conversation.contact.id))
  }

  push(call, side, op, d, whole = false) {
    for (const conn of this.conns(call, side)) if (whole || call.devices[side] === conn.device) conn.push({ op, d })
  }

  /** What a side sees; without one, what everybody may. */
  view(call, side) {
    const recording_id = side === 'agent' ? (call.recording_id ?? null) : null
    return { ...Object.fromEntries(Object.entries(call).filter(([key]) => !INNER.includes(key))), recording_id, ...(call.devices[side] && { device: call.devices[side] }) }
  }

  snapshot(call, side) {
    const [mine, peer] = [call.told[side], call.told[other(side)]]
    return { ...this.view(call, side), side, polite: side === 'contact', ...ice(), policy, mine: { n: mine.n, desc: mine.desc }, peer: { n: peer.n, desc: peer.desc, ice: peer.ice, muted: call.muted[other(side)] } }
  }

  ready(conn) {
    const call = this.live((one) => this.conns(one, sideOf(conn)).includes(conn))
    const base = { may_start: true, video: true, record: policy.record }
    if (!call) return base
    const side = sideOf(conn)
    const rings = !call.devices[side]
    if (rings) return { ...base, ringing: this.ring(call) }
    return { ...base, live: call.devices[side] === conn.device ? this.snapshot(call, side) : this.view(call, side) }
  }

  change(call, patch) {
    Object.assign(call, patch, { v: call.v + 1 })
    for (const side of ['agent', 'contact']) this.push(call, side, 'call.state', this.view(call, side), side === 'agent')
  }

  after(call, ms, then) {
    clearTimeout(call.timer)
    call.timer = setTimeout(then, ms)
  }

  finish(call, reason, by) {
    if (call.state === 'ended') return
    clearTimeout(call.timer)
    const talk_ms = call.connected_at ? Date.now() - Date.parse(call.connected_at) : 0
    const ringing = ['agent', 'contact'].find((side) => !call.devices[side])
    this.change(call, { state: 'ended', end: { reason, by, at: iso(), talk_ms } })
    if (ringing) this.push(call, ringing, 'call.cancel', { call_id: call.call_id, reason }, true)
    this.desk.event(call.conversation, 'call.ended', { call_id: call.call_id, media: call.media, direction: call.direction, reason, by, talk_ms })
  }

  part(conn, id, states) {
    const call = this.all.get(id)
    if (!call || !this.conns(call, sideOf(conn)).includes(conn)) throw new Refusal('not_found')
    if (call.state === 'ended') throw new Refusal('call_gone')
    if (states && !states.includes(call.state)) throw new Refusal('bad_request')
    return call
  }

  ring(call) {
    return { call: this.view(call), from: { side: call.direction, name: call.direction === 'agent' ? call.agent_name : call.contact_name }, expires_at: call.ring_until }
  }

  invite(conn, { session, media }) {
    const side = sideOf(conn)
    const conversation = side === 'agent' ? this.desk.bySession(session) : [...this.desk.convs.values()].find((one) => one.contact.id === conn.me.id)
    if (!conversation?.session?.control.agent) throw new Refusal('not_in_control')
    const there = this.live((one) => one.conv === conversation.id)
    if (there?.direction === other(side) && !there.devices[side]) return this.accept(conn, { call_id: there.call_id })
    if (there || this.live((one) => one.agent === conversation.session.control.agent)) throw new Refusal('call_busy')
    const agent = this.desk.agents.get(conversation.session.control.agent)
    const fresh = () => ({ n: 0, ice: [] })
    const call = {
      v: 1, call_id: rid('w'), conv: conversation.id, session: conversation.session.session, state: 'inviting', leg: 1, direction: side, media, agent: agent.id, agent_name: agent.name, contact_name: conversation.contact.name,
      invited_at: iso(), ring_until: iso(Date.now() + RING_MS), held: false, screen: false, recording: false, record_asked: false, conversation, devices: { [side]: conn.device }, told: { agent: fresh(), contact: fresh() }, muted: { agent: { audio: false, video: false }, contact: { audio: false, video: false } },
    }
    this.all.set(call.call_id, call)
    this.push(call, other(side), 'call.ring', this.ring(call), true)
    this.after(call, RING_MS, () => this.finish(call, 'no_answer', 'system'))
    return { call: this.view(call), side, ...ice() }
  }

  request(conn) {
    const conversation = [...this.desk.convs.values()].find((one) => one.contact.id === conn.me.id)
    this.desk.handoff(conversation)
    return conversation.session
  }

  ringing(conn, { call_id }) {
    const call = this.part(conn, call_id)
    if (call.state !== 'inviting') return
    this.change(call, { state: 'ringing' })
    this.push(call, call.direction, 'call.ringing', { call_id })
  }

  accept(conn, { call_id }) {
    const call = this.part(conn, call_id)
    const side = sideOf(conn)
    if (call.devices[side]) throw new Refusal('call_gone')
    call.devices[side] = conn.device
    this.change(call, { state: 'connecting', accepted_at: iso() })
    for (const one of this.conns(call, side)) if (one !== conn) one.push({ op: 'call.cancel', d: { call_id, reason: 'answered_elsewhere' } })
    this.after(call, CONNECTING_S * 1000, () => this.finish(call, 'ice_failed', 'system'))
    setImmediate(() => {
      for (const to of ['agent', 'contact']) this.push(call, to, 'call.start', { call: this.view(call), side: to, polite: to === 'contact', leg: call.leg, ...ice(), policy })
    })
    return { call: this.view(call), side, ...ice() }
  }

  reject(conn, { call_id, reason }) {
    this.finish(this.part(conn, call_id, ['inviting', 'ringing']), { unsupported: 'media_denied', no_permission: 'media_denied' }[reason] ?? reason, sideOf(conn))
  }

  cancel(conn, { call_id }) {
    this.finish(this.part(conn, call_id, ['inviting', 'ringing']), 'cancelled', sideOf(conn))
  }

  tell(conn, d, keep) {
    const call = this.part(conn, d.call_id)
    const side = sideOf(conn)
    const told = call.told[side]
    if (d.n <= told.n) return
    told.n = d.n
    keep(told)
    this.push(call, other(side), 'sdp' in d ? 'call.desc' : 'call.ice', d)
  }

  desc(conn, d) {
    this.tell(conn, d, (told) => Object.assign(told, { desc: { n: d.n, type: d.type, sdp: d.sdp } }))
  }

  ice(conn, d) {
    this.tell(conn, d, (told) => (told.ice = [...told.ice, { n: d.n, candidates: d.candidates }].slice(-64)))
  }

  connected(conn, { call_id }) {
    const call = this.part(conn, call_id)
    ;(call.started ??= new Set()).add(sideOf(conn))
    if (call.started.size < 2 || call.state === 'connected') return
    const first = !call.connected_at
    clearTimeout(call.timer)
    this.change(call, { state: call.held ? 'held' : 'connected', connected_at: call.connected_at ?? iso() })
    if (first) this.desk.event(call.conversation, 'call.started', { call_id, media: call.media, direction: call.direction })
  }

  reconnecting(conn, { call_id }) {
    const call = this.part(conn, call_id)
    call.started?.delete(sideOf(conn))
    if (call.state !== 'connecting' && call.state !== 'reconnecting') {
      this.change(call, { state: 'reconnecting' })
      this.after(call, RECONNECTING_S * 1000, () => this.finish(call, 'lost', 'system'))
    }
    return ice()
  }

  ice_servers = () => ice()
  test = () => ice()

  mute(conn, { call_id, audio, video }) {
    const call = this.part(conn, call_id)
    const side = sideOf(conn)
    Object.assign(call.muted[side], { audio, video })
    this.push(call, other(side), 'call.mute', { call_id, side, ...call.muted[side] })
  }

  screen(conn, { call_id, on }) {
    this.change(this.part(conn, call_id), { screen: on })
  }

  hold(conn, { call_id }) {
    this.change(this.part(conn, call_id, ['connected']), { held: true, state: 'held' })
  }

  resume(conn, { call_id }) {
    this.change(this.part(conn, call_id, ['held']), { held: false, state: 'connected' })
  }

  upgrade(conn, { call_id }) {
    const call = this.part(conn, call_id)
    const by = sideOf(conn)
    this.change(call, { upgrade: { by, expires_at: iso(Date.now() + RING_MS) } })
    this.push(call, other(by), 'call.upgrade', { call_id, media: { audio: true, video: true }, expires_at: call.upgrade.expires_at })
  }

  'upgrade.ok'(conn, { call_id }) {
    const call = this.part(conn, call_id)
    this.push(call, other(sideOf(conn)), 'call.upgrade.ok', { call_id })
    this.change(call, { upgrade: undefined, media: { audio: true, video: true } })
  }

  'upgrade.deny'(conn, { call_id }) {
    const call = this.part(conn, call_id)
    this.push(call, other(sideOf(conn)), 'call.upgrade.deny', { call_id })
    this.change(call, { upgrade: undefined })
  }

  downgrade(conn, { call_id }) {
    this.change(this.part(conn, call_id), { media: { audio: true, video: false } })
  }

  record(conn, { call_id, on }) {
    const call = this.part(conn, call_id)
    if (on && policy.record !== 'client') throw new Refusal('forbidden')
    if (on) {
      this.push(call, 'contact', 'call.record', { call_id })
      return this.change(call, { record_asked: true })
    }
    this.change(call, { recording: false, record_asked: false, recording_id: undefined })
    for (const side of ['agent', 'contact']) this.push(call, side, 'call.recording', { call_id, on: false, by: 'agent' })
  }

  consent(conn, { call_id, ok }) {
    const call = this.part(conn, call_id)
    const recording = rid('rec')
    this.change(call, { recording: ok, record_asked: false, recording_id: ok ? recording : undefined })
    this.push(call, 'agent', 'call.recording', { call_id, on: ok, ...(ok ? { recording } : { denied: true }) })
    this.push(call, 'contact', 'call.recording', { call_id, on: ok, ...(!ok && { denied: true }) })
  }

  stats(conn, d) {
    this.part(conn, d.call_id)
  }

  quality() {}

  hangup(conn, { call_id, reason }) {
    const call = this.part(conn, call_id)
    const side = sideOf(conn)
    const rung = ['inviting', 'ringing'].includes(call.state) && (side === call.direction ? 'cancelled' : 'declined')
    this.finish(call, reason ?? (rung || `hangup_${side}`), side)
  }

  state(conn, { call_id }) {
    const call = this.all.get(call_id)
    if (!call) throw new Refusal('not_found')
    return call.devices[sideOf(conn)] === conn.device ? this.snapshot(call, sideOf(conn)) : this.view(call, sideOf(conn))
  }

  link(conn, { session, media }) {
    const conversation = this.desk.bySession(session)
    const token = rid('link').slice(5)
    this.links.set(token, { conversation, media, agent_name: conn.me.name })
    const url = `${process.env.MOCK_PUBLIC ?? `http://127.0.0.1:${process.env.PORT ?? 8799}`}/call/${token}`
    const env = this.desk.append(conversation, { role: 'agent', id: conn.me.id, name: conn.me.name }, { type: 'link', body: { title: `邀请您${media.video ? '视频' : '语音'}通话`, desc: '15 分钟内有效，点击进入', url } })
    this.desk.deliver(conversation, env)
    return { url, expires_at: iso(Date.now() + 600_000), seq: env.seq }
  }

  /** A link becomes a way in: whom the ticket is for. */
  trade(token) {
    const link = this.links.get(token)
    if (!link) return undefined
    const { contact } = link.conversation
    return { me: { role: 'contact', id: contact.id, name: contact.name, tenant: 'demo', scope: 'call' }, device: `call-${token.slice(0, 12)}`, call: { media: link.media, account_name: '驿站示例银行', agent_name: link.agent_name, expires_at: iso(Date.now() + 600_000) } }
  }

  /** Pieces of recordings: kept to be counted. */
  piece(recording, n, bytes) {
    const kept = this.pieces.get(recording) ?? []
    if (n > kept.length) return 409
    if (n === kept.length) kept.push(bytes)
    this.pieces.set(recording, kept)
    return 204
  }

  finished(recording, ms) {
    const all = Buffer.concat(this.pieces.get(recording) ?? [])
    return { media: `m_${recording}`, sha256: createHash('sha256').update(all).digest('hex'), ms, size: all.length }
  }

  gone(conn) {
    const call = conn.me && this.live((one) => one.devices[sideOf(conn)] === conn.device)
    if (!call || !['connected', 'held'].includes(call.state)) return
    setTimeout(() => {
      if (call.state === 'ended' || this.conns(call, sideOf(conn)).some((one) => one.device === conn.device)) return
      call.started?.delete(sideOf(conn))
      this.change(call, { state: 'reconnecting' })
      this.after(call, RECONNECTING_S * 1000, () => this.finish(call, 'lost', 'system'))
    }, GRACE_MS)
  }
}
