// The frame protocol over `ws`: hello, auth, resume, requests, pushes.
import { WebSocketServer } from 'ws'
import { Refusal, rid } from './desk.mjs'

export function sockets(desk, tickets, calls) {
  const wss = new WebSocketServer({ noServer: true, handleProtocols: () => 'yizhan.v1.json' })
  const resumable = new Map()

  class Conn {
    constructor(ws) {
      this.ws = ws
    }
    push(frame) {
      if (this.ws.readyState === 1) this.ws.send(JSON.stringify(frame))
    }
    follows(conv) {
      if (!this.me) return false
      if (this.me.role === 'contact') return conv.contact.id === this.me.id
      const a = conv.session?.assignment
      return a?.agent === this.me.id && ['active', 'wrapup'].includes(a.state)
    }
    sees(conv, env) {
      return this.follows(conv) && (this.me.role === 'agent' || (env.visibility === 'all' && env.type !== 'note'))
    }
    ready() {
      this.token = rid('r')
      resumable.set(this.token, { me: this.me, until: Date.now() + 120_000 })
      return { conn_id: rid('k'), device: this.device, me: this.me, resume_token: this.token, state: { ...desk.ready(this), calls: calls.ready(this) } }
    }
    admit(me, device) {
      this.me = me
      this.device = device
      for (const other of desk.conns) if (other.me.id === me.id && other.device === device) other.ws.close(4003, 'replaced')
      desk.conns.add(this)
      if (me.role === 'agent') desk.presence(desk.agents.get(me.id))
    }
  }

  const open = {
    auth(conn, d) {
      const who = tickets.get(d.ticket)
      tickets.delete(d.ticket)
      if (!who) return conn.ws.close(4001, 'auth_failed')
      conn.admit(who, d.device)
      return conn.ready()
    },
    resume(conn, d) {
      const kept = resumable.get(d.resume_token)
      if (!kept || kept.until < Date.now()) return conn.ws.close(4002, 'token_expired')
      conn.admit(kept.me, d.device)
      return { resumed: true, ...conn.ready(), convs: desk.recover(conn, d.convs) }
    },
  }

  const ops = {
    send(conn, d) {
      const conv = desk.need(conn, d.conv)
      const key = `${conn.me.id}:${d.cid}`
      const seen = conv.cids.get(key)
      if (seen) return { ...seen, dup: true }
      if (d.type === 'text' && [...d.body.text].length > 4000) throw new Refusal('too_large')
      const agent = conn.me.role === 'agent'
      if (agent && d.type !== 'note' && conv.session.control.agent !== conn.me.id) throw new Refusal('session_ended')
      const media = d.body.media && desk.media.get(d.body.media.id)
      if (media) d.body.media = { ...media.info, url: `/media/${media.info.id}?exp=1&sig=x` }
      const extra = { cid: d.cid, replaces: d.replaces, visibility: d.type === 'note' ? 'agents' : 'all' }
      const content = { type: d.type, body: d.body }
      const env = agent ? desk.append(conv, { role: 'agent', id: conn.me.id, name: conn.me.name }, content, extra) : desk.inbound(conv, content, extra)
      if (agent) desk.deliver(conv, env)
      const reply = { id: env.id, seq: env.seq, ts: env.ts }
      conv.cids.set(key, reply)
      return { ...reply, dup: false }
    },
    ack: (conn, d) => mark(conn, d, 'delivered'),
    read: (conn, d) => mark(conn, d, 'read'),
    typing(conn, d) {
      const conv = desk.need(conn, d.conv)
      for (const other of desk.conns) if (other.follows(conv) && other.me.id !== conn.me.id) other.push({ op: 'typing', d: { conv: conv.id, who: conn.me.role === 'agent' ? conn.me.id : 'contact', on: d.on } })
      if (conn.me.role === 'agent') desk.onTyping?.(conv, d.on)
    },
    history: (conn, d) => desk.history(conn, d),
    sync: (conn, d) => ({ convs: desk.recover(conn, d.convs) }),
    upload(conn, d) {
      if (d.size > 10 * 1024 * 1024) throw new Refusal('too_large')
      const id = rid('m')
      return { upload_url: `/api/v1/upload/${id}?exp=1&sig=x&name=${encodeURIComponent(d.name)}`, media_id: id, expires: new Date(Date.now() + 6e5).toISOString() }
    },
    'presence.set'(conn, d) {
      const agent = desk.agents.get(conn.me.id)
      Object.assign(agent, { status: d.status, reason: d.reason })
      desk.presence(agent)
      for (const queue of desk.queues.keys()) desk.route(queue)
      return { status: agent.status, reason: agent.reason, load: agent.load, capacity: agent.capacity, display: agent.status }
    },
    'offer.accept': (conn, d) => desk.accept(conn, d),
    'offer.reject': (conn, d) => desk.reject(conn, d),
    pull: (conn, d) => desk.pull(conn, d),
    transfer: (conn, d) => desk.transfer(conn, d),
    'transfer.cancel': (conn, d) => (desk.endOffer(desk.bySession(d.session), 'cancelled'), {}),
    end(conn, d) {
      desk.end(conn.me.role === 'agent' ? desk.bySession(d.session) : mine(conn), conn.me.role, d.reason)
      return {}
    },
    'wrapup.done'(conn, d) {
      const conv = [...desk.convs.values()].find((c) => c.session?.assignment?.assignment === d.assignment)
      if (conv) desk.wrapped(conv)
      return {}
    },
    tag: () => ({}),
    'robot.list': (conn) => ({ convs: desk.robot?.list(conn) ?? [] }),
    'robot.trace': (_conn, d) => ({ turns: robot().of(d.session) }),
    takeover: (conn, d) => robot().takeOver(conn, d.session),
    'robot.back': (conn, d) => robot().back(conn, d.session),
    feedback: (conn, d) => robot().feedback(mine(conn), d),
    open(conn) {
      const conv = desk.conv({ key: conn.me.id, contact: { id: conn.me.id, name: conn.me.name }, kind: 'web', account: 'site' })
      if (!conv.session || conv.session.state === 'ended') desk.greet(conv)
      return { conv: desk.state(conv, conn) }
    },
    handoff(conn, d) {
      if (mine(conn).session.control.holder === 'robot') desk.robot.handOver(mine(conn), 'asked')
      else desk.handoff(mine(conn), d.queue)
      return { session: mine(conn).session }
    },
    cancel_queue(conn) {
      const conv = mine(conn)
      desk.endOffer(conv, 'cancelled')
      desk.change(conv, { state: 'new', control: { holder: 'none' }, queue: undefined })
      desk.event(conv, 'session.queue_cancelled')
      desk.pushQueue('service')
      return {}
    },
    leave_message(conn, d) {
      const conv = mine(conn)
      desk.append(conv, { role: 'contact', id: conn.me.id, name: conn.me.name }, { type: 'text', body: { text: `【留言】${d.text}${d.phone ? `（${d.phone}）` : ''}` } })
      desk.end(conv, 'system', 'left_message')
      return {}
    },
  }

  function robot() {
    if (!desk.robot) throw new Refusal('not_found')
    return desk.robot
  }

  function mine(conn) {
    const conv = [...desk.convs.values()].find((c) => c.contact.id === conn.me.id)
    if (!conv) throw new Refusal('not_found')
    return conv
  }

  function mark(conn, d, which) {
    const conv = desk.need(conn, d.conv)
    const marks = conv.marks.get(conn.me.id) ?? { delivered: 0, read: 0 }
    marks[which] = Math.max(marks[which], d.seq)
    conv.marks.set(conn.me.id, marks)
    for (const other of desk.conns) if (other.follows(conv) && other.me.id !== conn.me.id) other.push({ op: 'receipt', d: { conv: conv.id, who: conn.me.role === 'agent' ? conn.me.id : 'contact', ...marks } })
  }

  wss.on('connection', (ws) => {
    const conn = new Conn(ws)
    conn.push({ op: 'hello', d: { node: 'mock', proto: 1, heartbeat_ms: 25000, resume_ms: 120000, max_frame: 65536, now: new Date().toISOString() } })
    ws.on('message', (data) => {
      const parsed = JSON.parse(String(data))
      for (const frame of Array.isArray(parsed) ? parsed : [parsed]) {
        if (frame.op === 'ping') conn.push({ op: 'pong' })
        else if (frame.op !== 'pong') handle(conn, frame)
      }
    })
    ws.on('close', () => {
      desk.conns.delete(conn)
      calls.gone(conn)
      if (conn.me?.role === 'agent') desk.presence(desk.agents.get(conn.me.id))
    })
  })

  function handle(conn, { id, op, d }) {
    try {
      const run = conn.me ? (ops[op] ?? calls.ops[op]) : open[op]
      if (!run) throw new Refusal('unsupported_op')
      const ok = run(conn, d ?? {})
      if (id !== undefined) conn.push({ id, ok: ok ?? {} })
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(op, error)
      if (id !== undefined) conn.push({ id, err: { code: error.code ?? 'internal', msg: error.message, retry: Boolean(error.retry) } })
    }
  }

  return wss
}
