// A stand-in for the gateway while the pages are built: `npm run build && npm run mock`, then http://127.0.0.1:8799/.
import { createReadStream, existsSync, statSync } from 'node:fs'
import http from 'node:http'
import { dirname, extname, join, normalize, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Calls } from './call.mjs'
import { Desk, rid } from './desk.mjs'
import { Robot } from './robot.mjs'
import { simulator } from './simulator.mjs'
import { sockets } from './socket.mjs'

const port = Number(process.env.PORT ?? 8799)
const dist = resolve(dirname(fileURLToPath(import.meta.url)), '../dist')
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png', '.json': 'application/json' }
const csp = (ancestors) =>
  `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; base-uri 'none'; form-action 'self'; frame-src 'self'; frame-ancestors ${ancestors}; require-trusted-types-for 'script'`

let sim
const desk = new Desk({ toChannel: (conv, env) => sim.toPhone(conv, env) })
sim = simulator(desk)
if (process.env.MOCK_ROBOT) desk.robot = new Robot(desk)
const tickets = new Map()
const sessions = new Map()
const calls = new Calls(desk)
const wss = sockets(desk, tickets, calls)
const PASSWORD = process.env.MOCK_PASSWORD ?? 'yizhan'

function json(res, status, body, headers = {}) {
  res.writeHead(status, { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json', ...headers })
  res.end(JSON.stringify(body))
}

async function read(req) {
  const parts = []
  let size = 0
  for await (const part of req) {
    size += part.length
    if (size > 11 * 1024 * 1024) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function me(req) {
  const token = /yizhan_session=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
  return sessions.get(token)
}

const body = async (req) => JSON.parse(String(await read(req)) || '{}')
const view = (agent) => ({ agent: { id: agent.id, name: agent.name, role: process.env.MOCK_ROLE ?? 'agent', tenant: 'demo', tenant_name: '驿站示例银行', lang: 'zh' }, csrf: 'mock-csrf' })

const api = {
  async 'POST /api/v1/login'(req, res) {
    const { tenant, login, password } = await body(req)
    const agent = desk.agents.get(login)
    if (tenant !== 'demo' || !agent || password !== PASSWORD) return json(res, 401, { title: 'Unauthorized', status: 401, code: 'unauthenticated' })
    const token = rid('y')
    sessions.set(token, agent)
    return json(res, 200, view(agent), { 'Set-Cookie': `yizhan_session=${token}; HttpOnly; SameSite=Strict; Path=/` })
  },
  async 'POST /api/v1/logout'(req, res) {
    json(res, 200, {}, { 'Set-Cookie': 'yizhan_session=; Max-Age=0; Path=/' })
  },
  async 'GET /api/v1/me'(req, res) {
    const agent = me(req)
    if (!agent) return json(res, 401, { status: 401, code: 'unauthenticated' })
    return json(res, 200, view(agent))
  },
  async 'GET /api/v1/xmpp'(req, res) {
    if (!me(req) || process.env.MOCK_ROLE !== 'admin') return json(res, 403, { status: 403, code: 'forbidden' })
    const by = 'service@desk.example.com'
    const since = new Date(Date.now() - 3_600_000).toISOString()
    return json(res, 200, {
      items: [
        {
          account: 'desk', domain: 'desk.example.com', server: '127.0.0.1:5347', customers: true, link: { state: 'up', code: null, reason: null, node: 'n_mock', since },
          agents: [
            { agent: 'li', jid: 'li@example.com', asked_by: by, subscription: 'granted', hint: null, shown: 'here', since },
            { agent: 'wang', jid: 'wang@example.com', asked_by: by, subscription: 'asked', hint: '请同意 / approve', shown: null, since },
          ],
        },
        { account: 'vip', domain: 'vip.example.com', server: '10.0.0.5:5347', customers: false, link: { state: 'down', code: 'not_authorized', reason: '密钥不符 / the secret differs', node: 'n_mock', since }, agents: [] },
      ],
    })
  },
  async 'POST /api/v1/ticket'(req, res) {
    const agent = me(req)
    if (!agent || req.headers['x-csrf-token'] !== 'mock-csrf') return json(res, 401, { status: 401, code: 'unauthenticated' })
    const ticket = rid('t')
    tickets.set(ticket, { role: 'agent', id: agent.id, name: agent.name, tenant: 'demo' })
    return json(res, 200, { ticket, expires_in: 60 })
  },
  async 'POST /api/v1/visitor/ticket'(req, res) {
    const { account, visitor, name } = await body(req)
    if (account !== 'demo.site') return json(res, 404, { status: 404, code: 'not_found' })
    const token = visitor ?? rid('v')
    const ticket = rid('t')
    tickets.set(ticket, { role: 'contact', id: `ct_${token.slice(-8)}`, name: name ?? '', tenant: 'demo' })
    return json(res, 200, { ticket, visitor: token, expires_in: 60 })
  },
  async 'POST /api/v1/call/ticket'(req, res) {
    const { token } = await body(req)
    const way = calls.trade(token)
    if (!way) return json(res, 404, { status: 404, code: 'not_found' })
    const ticket = rid('t')
    tickets.set(ticket, way.me)
    return json(res, 200, { ticket, visitor: token, expires_in: 60, device: way.device, call: way.call })
  },
  async 'POST /mock/hours'(req, res) {
    desk.closed = (await body(req)).closed
    json(res, 200, {})
  },
}

function file(res, path, ancestors = "'none'") {
  const full = normalize(join(dist, path))
  if (!full.startsWith(dist) || !existsSync(full) || statSync(full).isDirectory()) {
    res.writeHead(404)
    return res.end('not found')
  }
  res.writeHead(200, { 'Content-Type': TYPES[extname(full)] ?? 'application/octet-stream', 'Content-Security-Policy': csp(ancestors), 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' })
  return createReadStream(full).pipe(res)
}

const server = http.createServer(async (req, res) => {
  try {
    const url = new URL(req.url, `http://127.0.0.1:${port}`)
    const path = decodeURIComponent(url.pathname)
    const route = api[`${req.method} ${path}`]
    if (route) return await route(req, res)
    if (path.startsWith('/simulator/api/')) return await sim.handle(req, res, url, () => read(req))
    if (path.startsWith('/api/v1/upload/')) {
      const bytes = await read(req)
      if (!bytes || bytes.length > 10 * 1024 * 1024) return json(res, 413, { status: 413, code: 'too_large' })
      const info = { id: path.split('/').pop(), mime: req.headers['content-type'], name: url.searchParams.get('name') ?? '', size: bytes.length }
      desk.media.set(info.id, { info, bytes })
      return json(res, 200, { media: info })
    }
    const piece = /^\/api\/v1\/calls\/[^/]+\/recording\/([^/]+)\/(\d+|finish)$/.exec(path)
    if (piece) {
      const bytes = await read(req)
      if (piece[2] === 'finish') return json(res, 200, calls.finished(piece[1], JSON.parse(String(bytes)).ms))
      const status = calls.piece(piece[1], Number(piece[2]), bytes)
      return status === 204 ? (res.writeHead(204), res.end()) : json(res, status, { status, code: 'conflict' })
    }
    if (path.startsWith('/media/')) {
      const media = desk.media.get(path.slice(7))
      if (!media) return json(res, 404, { code: 'not_found' })
      res.writeHead(200, { 'Content-Type': media.info.mime, 'Content-Security-Policy': "default-src 'none'; sandbox", 'X-Content-Type-Options': 'nosniff' })
      return res.end(media.bytes)
    }
    for (const [prefix, folder, ancestors] of [['/console/', 'console', "'none'"], ['/widget/', 'widget', "'self'"], ['/simulator/phone/', 'phone', "'none'"], ['/site/', 'site', "'none'"]])
      if (path.startsWith(prefix)) return file(res, join(folder, path.slice(prefix.length) || 'index.html'), ancestors)
    if (path.startsWith('/call/')) return file(res, join('call', path.startsWith('/call/assets/') ? path.slice(6) : 'index.html'))
    if (path === '/' || path === '/widget.js') return file(res, path === '/' ? 'index.html' : path)
    return file(res, 'missing')
  } catch (error) {
    console.error(error)
    json(res, 500, { status: 500, code: 'internal' })
  }
})

server.on('upgrade', (req, socket, head) => {
  if (!['/ws/agent', '/ws/visitor'].includes(req.url.split('?')[0])) return socket.destroy()
  return wss.handleUpgrade(req, socket, head, (ws) => wss.emit('connection', ws, req))
})

server.listen(port, '127.0.0.1', () => console.log(`mock on http://127.0.0.1:${port}/`))
