/** A visitor's side of one conversation. Knows no component. */
import { computed, markRaw, reactive } from 'vue'
import { openBooth } from '../rtc/booth'
import { codeText } from '../text/codes'
import { play, ringing } from '../ui/tone'
import { isCallPush, type CallMedia, type IceServers } from '../wire/calls'
import { FrameClient, FrameError, Refused, type LinkState } from '../wire/client'
import { claimDevice, randomId } from '../wire/device'
import { call, HttpProblem, socketUrl } from '../wire/http'
import { ConversationLog } from '../wire/log'
import { Outbox, type Unsent } from '../wire/outbox'
import type { Content, ConvState, Envelope, HistoryPage, Me, Push, Ready, Recovery, SendReply } from '../wire/protocol'
import { MAX_UPLOAD } from '../wire/protocol'
import type { Storage } from '../wire/store'
import { newer } from '../wire/session'
import { upload } from '../wire/upload'
import { Ratings } from './feedback'
import { lang, t } from './texts'

interface State {
  link: LinkState
  me: Me | undefined
  conv: ConvState | undefined
  log: ConversationLog | undefined
  typingUntil: number
  peer: { delivered: number; read: number }
  now: number
  upload: { preview: string; share: number; abort: () => void } | undefined
  previews: Record<string, string>
  problem: string
  /** The form for a message replaces the chat: nobody can answer now. */
  leaving: boolean
  left: boolean
  announce: string
  loadingOlder: boolean
  /** Written before the conversation is known; sent as soon as it is. */
  early: Unsent[]
  /** What a robot is about to say, and to which of the customer's messages. */
  growing: { turn: number; text: string; at: number } | undefined
}

/** A robot that falls silent in the middle of a sentence is not waited for any longer. */
const GROWS_MS = 20_000

export type Visit = Awaited<ReturnType<typeof openVisit>>

export async function openVisit(account: string, entry: { page: string; referrer: string }, storage: Storage) {
  const scope = `v.${account}`
  const device = await claimDevice(storage, scope)
  const state = reactive<State>({
    link: { kind: 'idle' }, me: undefined, conv: undefined, log: undefined, typingUntil: 0, peer: { delivered: 0, read: 0 }, now: Date.now(),
    upload: undefined, previews: {}, problem: '', leaving: false, left: false, announce: '', loadingOlder: false, early: [], growing: undefined,
  })
  const ratings = reactive(new Ratings(storage, scope)) as Ratings
  /** The last turn whose answer is here: what still comes of its beginning is late. */
  let told = 0
  let wantOpen = false
  let syncing = false
  let loading = false

  const client = markRaw(
    new FrameClient({
      url: socketUrl('/ws/visitor'), device, app: 'widget', ticket,
      cursors: () => (state.log?.loaded ? [{ conv: state.log.conv, epoch: state.log.epoch, seq: state.log.cursor }] : []),
      onState: (link) => {
        state.link = link
        if (link.kind === 'online') return
        outbox.pause()
        booth.offline()
        state.growing = undefined
      },
      onReady, onPush,
    }),
  )
  const outbox = reactive(
    new Outbox({ storage, key: `yz.outbox.${scope}.${device}`, send: (request) => client.request<SendReply>('send', request), accepted: (item, reply) => takeOver(item.request.cid, reply) }),
  ) as Outbox

  let quiet: (() => void) | undefined
  const booth = openBooth({
    side: 'contact', device, storage, request: (op, d) => client.request(op, d), serverNow: () => serverNow(), online: () => state.link.kind === 'online',
    ringing: (how) => {
      quiet?.()
      quiet = how === 'in' ? ringing(() => play([659, 784, 988])) : undefined
    },
  })

  async function ticket(): Promise<string> {
    const visitor = storage.get(`yz.visitor.${account}`)
    try {
      const answer = await call<{ ticket: string; visitor: string }>('POST', '/api/v1/visitor/ticket', { account, ...(visitor && { visitor }) })
      storage.set(`yz.visitor.${account}`, answer.visitor)
      return answer.ticket
    } catch (error) {
      if (!(error instanceof HttpProblem)) throw error
      if (error.status === 401 && visitor) {
        // The kept token is not valid any more: come as a new visitor.
        storage.set(`yz.visitor.${account}`, undefined)
        throw error
      }
      if (error.status >= 400 && error.status < 500 && error.status !== 429 && error.status !== 408) throw new Refused()
      throw error
    }
  }

  function onReady(ready: Ready, recoveries: Recovery[] | undefined): void {
    state.me = ready.me
    const before = state.log?.loaded
    const [conv] = ready.state.convs
    if (conv) enter(conv)
    if (recoveries) recoveries.forEach(recover)
    else if (before) void sync()
    if (wantOpen || !conv?.session) void open()
    outbox.resume()
    booth.ready(ready.state.calls)
  }

  async function open(): Promise<void> {
    wantOpen = false
    try {
      enter((await client.request<{ conv: ConvState }>('open', { entry })).conv)
    } catch (error) {
      refused(error)
    }
  }

  function enter(conv: ConvState): void {
    const session = newer(state.conv?.session, conv.session) ? conv.session : state.conv?.session
    const read = Math.max(conv.read, state.conv?.conv === conv.conv ? state.conv.read : 0)
    state.conv = { ...conv, read, ...(session && { session }) }
    if (!state.log || state.log.conv !== conv.conv || state.log.epoch !== conv.epoch) state.log = new ConversationLog(conv.conv, conv.epoch)
    state.peer.delivered = Math.max(state.peer.delivered, conv.peer?.delivered ?? 0)
    state.peer.read = Math.max(state.peer.read, conv.peer?.read ?? 0)
    state.leaving = state.conv.session?.control.holder === 'leave_message'
    if (!state.log.loaded) void load()
    for (const { request } of state.early.splice(0)) outbox.add({ ...request, conv: conv.conv })
  }

  function recover(recovery: Recovery): void {
    const { log } = state
    if (!log || recovery.conv !== log.conv) return
    if (!recovery.recovered || recovery.epoch !== log.epoch) {
      log.reset(recovery.epoch)
      void load()
      return
    }
    const gap = log.recover(recovery.msgs)
    settle()
    if (gap) void sync()
  }

  async function load(): Promise<void> {
    const { log } = state
    if (!log || loading) return
    loading = true
    try {
      const page = await client.request<HistoryPage>('history', { conv: log.conv, limit: 40 })
      if (log.seed(page.msgs, page.has_more)) void sync()
      settle()
    } catch (error) {
      if (error instanceof FrameError && error.retry && error.code !== 'disconnected') setTimeout(() => void load(), 2000)
    } finally {
      loading = false
    }
  }

  async function sync(): Promise<void> {
    const { log } = state
    if (!log?.loaded || syncing) return
    syncing = true
    try {
      const { convs } = await client.request<{ convs: Recovery[] }>('sync', { convs: [{ conv: log.conv, epoch: log.epoch, seq: log.cursor }] })
      convs.forEach(recover)
    } catch {
      // Disconnected: `ready` recovers.
    } finally {
      syncing = false
    }
  }

  function onPush(push: Push): void {
    if (isCallPush(push)) return booth.onPush(push)
    switch (push.op) {
      case 'msg': return onMessage(push.d, push.prev)
      case 'session':
        if (state.conv && newer(state.conv.session, push.d)) {
          state.conv.session = push.d
          if (push.d.control.holder !== 'robot') state.growing = undefined
          if (push.d.control.holder === 'leave_message') state.leaving = true
        }
        return
      case 'conv': return enter(push.d)
      case 'receipt':
        if (push.d.id !== undefined) state.log?.receipt(push.d)
        else if (push.d.who !== 'contact' && push.d.who !== state.me?.id) {
          state.peer.delivered = Math.max(state.peer.delivered, push.d.delivered ?? 0, push.d.read ?? 0)
          state.peer.read = Math.max(state.peer.read, push.d.read ?? 0)
        } else if (state.conv) state.conv.read = Math.max(state.conv.read, push.d.read ?? 0)
        return
      case 'typing':
        state.typingUntil = push.d.on ? Date.now() + 6000 : 0
        return
      case 'robot.delta':
        if (push.d.conv === state.log?.conv && push.d.turn > told) state.growing = { turn: push.d.turn, text: push.d.text, at: Date.now() }
        return
      case 'media':
        state.log?.media(push.d)
    }
  }

  function onMessage(envelope: Envelope, prev: number | undefined): void {
    if (envelope.conv !== state.log?.conv) return
    const applied = state.log.apply(prev, envelope)
    if (applied === 'gap') return void sync()
    if (envelope.from.role === 'robot' && state.growing) {
      told = state.growing.turn
      state.growing = undefined
    }
    if (applied === 'applied' && envelope.from.role !== 'contact') {
      state.typingUntil = 0
      state.announce = t('newMsg', { text: envelope.fallback.slice(0, 100) })
    }
    settle()
  }

  let ack: ReturnType<typeof setTimeout> | undefined
  function settle(): void {
    const { log } = state
    if (!log) return
    for (const item of outbox.of(log.conv)) if (log.hasCid(item.request.cid)) outbox.remove(item.request.cid)
    ack ??= setTimeout(() => {
      ack = undefined
      client.tell('ack', { conv: log.conv, seq: log.cursor })
    }, 120)
  }

  function takeOver(cid: string, reply: SendReply): void {
    const { log, me } = state
    const item = outbox.find(cid)
    if (!log || !me || !item) return
    if (log.hasCid(cid)) return outbox.remove(cid)
    if (log.loaded && reply.seq === log.cursor + 1) {
      const { request } = item
      log.apply(log.cursor, {
        v: 1, id: reply.id, tenant: me.tenant, conv: log.conv, seq: reply.seq, cid, ts: reply.ts, from: { role: 'contact', id: me.id, name: me.name }, visibility: 'all',
        type: request.type, body: request.body, fallback: '', channel: { kind: 'web', account: '' }, control_epoch: 0,
      } as Envelope)
      settle()
    } else setTimeout(() => outbox.find(cid) && void sync(), 1500)
  }

  /** Refusals that mean "nobody is there" lead to the message form, all others to a line of text. */
  function refused(error: unknown): void {
    const code = error instanceof FrameError ? error.code : 'internal'
    if (code === 'queue_closed' || code === 'no_agent' || code === 'queue_full') state.leaving = true
    else if (code !== 'disconnected') notice(codeText(code, lang.value))
  }

  function notice(text: string): void {
    state.problem = text
    setTimeout(() => (state.problem = state.problem === text ? '' : state.problem), 5000)
  }

  function post(content: Content): void {
    const request = { conv: state.log?.conv ?? '', cid: randomId('c'), type: content.type, body: content.body }
    if (state.log) outbox.add(request)
    else state.early.push({ request, at: Date.now(), state: 'sending' })
  }

  function sendPicture(file: File): void {
    if (file.size > MAX_UPLOAD) return notice(t('tooLarge'))
    const preview = URL.createObjectURL(file)
    const running = upload(client, file, file.name || 'image.png', (share) => {
      if (state.upload) state.upload.share = share
    })
    state.upload = { preview, share: 0, abort: running.abort }
    running.done
      .then((media) => {
        state.previews[media.id] = preview
        post({ type: 'image', body: { media } })
      })
      .catch((error: unknown) => {
        const code = error instanceof FrameError ? error.code : 'internal'
        if (code !== 'cancelled') notice(t('uploadFailed', { why: codeText(code, lang.value) }))
      })
      .finally(() => (state.upload = undefined))
  }

  async function command(op: string, d: object = {}): Promise<boolean> {
    try {
      await client.request(op, d)
      return true
    } catch (error) {
      refused(error)
      return false
    }
  }

  /** Says once whether the robot's answer at `seq` was of help. */
  async function rate(seq: number, helpful: boolean): Promise<void> {
    const conv = state.log?.conv
    if (!conv || ratings.of(conv, seq) !== undefined) return
    ratings.give(conv, seq, helpful)
    try {
      await client.request('feedback', { seq, helpful })
    } catch (error) {
      // What cannot be rated is not asked about again; anything else may be tried again.
      if (error instanceof FrameError && error.code === 'not_found') return
      ratings.take(conv, seq)
      if (error instanceof FrameError && error.code !== 'disconnected') notice(codeText(error.code, lang.value))
    }
  }

  async function leaveMessage(text: string, phone: string): Promise<void> {
    if (await command('leave_message', { text, ...(phone && { phone }) })) {
      state.left = true
      state.leaving = false
    }
  }

  /** Calls the agent who answers, or waits for one who can be called. */
  async function phone(media: CallMedia): Promise<void> {
    if (state.conv?.session?.control.holder === 'agent') await booth.invite(media)
    else await booth.ask(media)
  }

  /** Back to the chat, although nobody is there now. */
  function stay(): void {
    state.leaving = false
  }

  /** A new service episode in the same conversation. */
  async function again(): Promise<void> {
    state.left = false
    state.leaving = false
    if (client.state.kind === 'online') await open()
    else wantOpen = true
  }

  async function loadOlder(): Promise<void> {
    const { log } = state
    const first = log?.messages[0]
    if (!log || !first || !log.hasOlder || state.loadingOlder) return
    state.loadingOlder = true
    try {
      const page = await client.request<HistoryPage>('history', { conv: log.conv, before: first.seq, limit: 40 })
      log.prepend(page.msgs, page.has_more && page.msgs.length > 0)
    } catch {
      // Scrolling up again asks again.
    } finally {
      state.loadingOlder = false
    }
  }

  function markRead(): void {
    const { log, conv } = state
    if (!log?.loaded || !conv || log.cursor <= conv.read) return
    conv.read = log.cursor
    client.tell('read', { conv: log.conv, seq: log.cursor })
  }

  let typingAt = 0
  function typing(on: boolean): void {
    if (!state.log || (on && Date.now() - typingAt < 3000) || (!on && typingAt === 0)) return
    typingAt = on ? Date.now() : 0
    client.tell('typing', { conv: state.log.conv, on })
  }

  const unread = computed(() => {
    const read = state.conv?.read ?? 0
    return (state.log?.messages ?? []).filter((one) => one.seq > read && one.from.role !== 'contact' && one.type !== 'event').length
  })

  setInterval(() => {
    state.now = Date.now()
    if (state.growing && state.now - state.growing.at > GROWS_MS) state.growing = undefined
  }, 1000)
  const nudge = () => client.nudge()
  window.addEventListener('online', nudge)
  window.addEventListener('offline', nudge)
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && client.nudge())

  /** The ways through the network of the call that is on: visitors learn of no others. Not by `call.ice_servers`, whose number is for mending the call. */
  const servers = async (): Promise<RTCIceServer[]> => (await client.request<IceServers>('call.state', { call_id: booth.state.call?.call_id })).ice_servers

  /** What the server's clock says. */
  const serverNow = (): number => state.now + client.skew

  return { state, booth, servers, phone, outbox, client, ratings, unread, serverNow, rate, post, sendPicture, command, leaveMessage, stay, again, loadOlder, markRead, typing, start: () => client.start() }
}
