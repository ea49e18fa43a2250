// The phone's side: accounts, followers, an event stream per phone.
import { rid } from './desk.mjs'

/** The gateway fetches a phone's blobs after their messages. */
const FETCH_MS = 1200

const ACCOUNTS = [
  {
    appid: 'wx0123456789abcdef', gh_id: 'gh_0123456789ab', name: '示例公众号',
    menu: [
      { name: '转人工', type: 'click', key: 'HANDOFF' },
      { name: '业务办理', sub: [{ name: '信用卡', type: 'click', key: 'CARD' }, { name: '贷款', type: 'click', key: 'LOAN' }, { name: '网点查询', type: 'view', url: 'https://bank.example/branches' }] },
      { name: '优惠活动', type: 'click', key: 'NEWS' },
    ],
  },
  { appid: 'wxfedcba9876543210', gh_id: 'gh_ba9876543210', name: '驿站生活服务', menu: [] },
]

export function simulator(desk) {
  const phones = new Map()

  const emit = (phone, event, data) => {
    const id = ++phone.eventId
    phone.events.push({ id, event, data })
    for (const res of phone.streams) res.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  const message = (phone, from, fields) => {
    const msg = { id: rid('p'), at: new Date().toISOString(), from, state: from === 'me' ? 'sending' : 'sent', via: from === 'me' ? 'push' : 'custom', ...fields }
    phone.messages.push(msg)
    emit(phone, 'message', msg)
    return msg
  }
  const convOf = (phone) => desk.conv({ key: phone.openid, contact: { id: `ct_${phone.openid.slice(-8)}`, name: phone.nickname }, kind: 'wechat', account: 'oa' })

  const toPhone = (conv, env) => {
    const phone = phones.get(conv.key)
    if (!phone || env.visibility !== 'all') return undefined
    if (!phone.following) return '43004'
    if (env.type === 'text' && /失败/.test(env.body.text)) return '45015'
    if (env.type === 'text' && /不确定/.test(env.body.text)) return 'uncertain'
    if (env.type === 'text') message(phone, 'account', { kind: 'text', text: env.body.text })
    else if (env.type === 'link') message(phone, 'account', { kind: 'news', items: [env.body] })
    else if (env.type === 'menu') message(phone, 'account', { kind: 'menu', text: env.body.prompt, items: env.body.options.map((o) => ({ id: o.key, content: o.label })), tail: env.body.tail })
    else if (['image', 'voice', 'video'].includes(env.type)) message(phone, 'account', { kind: env.type, url: env.body.media.url })
    return undefined
  }

  function said(phone, own, content) {
    const msg = message(phone, 'me', own)
    setTimeout(() => {
      msg.state = 'sent'
      emit(phone, 'state', { id: msg.id, state: 'sent' })
      if (own.text === '故障') message(phone, 'system', { kind: 'notice', text: '该公众号提供的服务出现故障，请稍后再试' })
      else if (content) desk.inbound(convOf(phone), content)
    }, 150)
    return { id: msg.id }
  }

  const acts = {
    follow(phone) {
      phone.following = true
      emit(phone, 'state', { following: true })
      setTimeout(() => desk.greet(convOf(phone)), 200)
      return { id: rid('p') }
    },
    unfollow(phone) {
      phone.following = false
      return { id: rid('p') }
    },
    scan(phone, body) {
      message(phone, 'system', { kind: 'notice', text: `已扫描二维码：${body.scene}` })
      desk.event(convOf(phone), 'wechat.scanned', { scene: body.scene })
      return { id: rid('p') }
    },
    menu(phone, body) {
      const conv = convOf(phone)
      desk.session(conv)
      desk.event(conv, 'wechat.menu_clicked', { key: body.key })
      if (body.key === 'HANDOFF') {
        if (conv.session.control.holder === 'none') desk.handoff(conv)
      } else if (body.key === 'NEWS')
        message(phone, 'account', { kind: 'news', items: [{ title: '驿站示例银行 · 秋季优惠', desc: '新客户首年免年费，点击了解详情', url: 'https://bank.example/autumn', pic: '' }] })
      else desk.menu(conv)
      return { id: rid('p') }
    },
    text: (phone, body) => said(phone, { kind: 'text', text: body.content }, { type: 'text', body: { text: body.content } }),
    location: (phone, body) => said(phone, { kind: 'location', text: body.label, lat: body.lat, lon: body.lon }, { type: 'location', body: { lat: body.lat, lon: body.lon, label: body.label } }),
    link: (phone, body) => said(phone, { kind: 'link', text: body.title, url: body.url, items: [{ title: body.title, desc: body.desc, url: body.url }] }, { type: 'link', body: { title: body.title, desc: body.desc, url: body.url } }),
    raw: (phone, { fields }) => said(phone, { kind: 'text', text: `[${fields.MsgType}]` }, fields.MsgType === 'file' ? { type: 'file', body: { name: fields.Title } } : { type: 'unsupported', body: { raw_type: String(fields.MsgType) } }),
  }

  async function handle(req, res, url, read) {
    const json = (status, body) => {
      res.writeHead(status, { 'Content-Type': 'application/json' })
      res.end(JSON.stringify(body))
    }
    const path = url.pathname.slice('/simulator/api'.length)
    if (path === '/accounts') return json(200, ACCOUNTS)
    if (path === '/phone' && req.method === 'POST') {
      const body = JSON.parse(String(await read()))
      const openid = `o${rid('mock')}`
      phones.set(openid, { openid, appid: body.appid, nickname: body.nickname ?? '', following: false, messages: [], events: [], streams: new Set(), eventId: 0 })
      return json(200, { openid })
    }
    const [, , openid, act] = path.split('/')
    const phone = phones.get(openid)
    if (!phone) return json(404, { code: 'not_found' })
    if (!act) return json(200, { openid, appid: phone.appid, following: phone.following, messages: phone.messages })
    if (act === 'events') {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      res.write(': hello\n\n')
      const last = Number(req.headers['last-event-id'] ?? NaN)
      if (Number.isFinite(last)) for (const e of phone.events) if (e.id > last) res.write(`id: ${e.id}\nevent: ${e.event}\ndata: ${JSON.stringify(e.data)}\n\n`)
      phone.streams.add(res)
      req.on('close', () => phone.streams.delete(res))
      return undefined
    }
    if (act === 'media') {
      const kind = url.searchParams.get('kind')
      const id = rid('m')
      const info = { id, mime: req.headers['content-type'] ?? 'image/png', name: `${kind}.bin` }
      const bytes = await read()
      desk.media.set(id, { info: { ...info, size: bytes.length }, bytes })
      const fetched = { size: bytes.length, url: `/media/${id}?exp=1&sig=x` }
      const media = { id, mime: info.mime }
      setTimeout(() => {
        Object.assign(media, fetched)
        desk.pushMedia(convOf(phone), media)
      }, FETCH_MS)
      return json(202, said(phone, { kind, url: fetched.url }, { type: kind, body: { media } }))
    }
    const run = acts[act]
    if (!run) return json(404, { code: 'not_found' })
    const text = String(await read())
    return json(202, run(phone, text ? JSON.parse(text) : {}))
  }

  desk.onTyping = (conv, on) => {
    const phone = phones.get(conv.key)
    if (phone) emit(phone, 'typing', { on })
  }
  return { handle, toPhone }
}
