/** The agent's desk: what the server says and what the agent does, as reactive state. Knows no component. */
import { computed, markRaw, reactive } from 'vue'
import { codeText } from '../text/codes'
import { reasonText } from '../text/events'
import { contactName } from '../text/names'
import { FrameClient, FrameError, SignInNeeded, type LinkState } from '../wire/client'
import { claimDevice, randomId } from '../wire/device'
import { Drafts } from '../wire/drafts'
import { call, HttpProblem, socketUrl } from '../wire/http'
import { ConversationLog, mediaOf } from '../wire/log'
import { Outbox } from '../wire/outbox'
import type { AgentState, Colleague, Content, ConvState, Cursor, Envelope, HistoryPage, Me, Offer, Presence, Push, QueueState, Ready, Receipt, Recovery, SendReply, Session } from '../wire/protocol'
import { MAX_UPLOAD } from '../wire/protocol'
import { newer } from '../wire/session'
import { upload } from '../wire/upload'
import { chime, i18n, storage } from './settings'

export interface Account {
  id: string
  name: string
  role: string
  tenant: string
  tenant_name: string
  lang: string
}

export interface SignedIn {
  agent: Account
  csrf: string
}

export interface Upload {
  key: string
  name: string
  preview: string
  share: number
  abort: () => void
}

/** One conversation on the desk. */
export interface Talk {
  state: ConvState
  log: ConversationLog
  typingUntil: number
  /** How far the other side has received and read. */
  peer: { delivered: number; read: number }
  uploads: Upload[]
  loadingOlder: boolean
}

interface State {
  link: LinkState
  me: Me | undefined
  agent: AgentState
  talks: Record<string, Talk>
  offers: Offer[]
  queues: QueueState[]
  colleagues: Colleague[]
  selected: string | undefined
  toasts: { id: number; text: string; tone: 'plain' | 'warn' }[]
  now: number
  previews: Record<string, string>
  announce: string
}

const SYNC_TRIES = 3
const MEDIA_WAIT_MS = 8000

export type Desk = Awaited<ReturnType<typeof openDesk>>

export async function openDesk(signedIn: SignedIn) {
  const { agent: account } = signedIn
  const scope = `${account.tenant}.${account.id}`
  const device = await claimDevice(storage, scope)
  const { t, lang } = i18n
  const state = reactive<State>({
    link: { kind: 'idle' }, me: undefined, agent: { status: 'offline', load: 0, capacity: 0, display: 'offline' }, talks: {}, offers: [], queues: [], colleagues: [],
    selected: undefined, toasts: [], now: Date.now(), previews: {}, announce: '',
  })
  const drafts = new Drafts(storage, scope)
  let csrf = signedIn.csrf
  let toastId = 0
  const syncing = new Set<string>()
  const acks = new Map<string, ReturnType<typeof setTimeout>>()

  const client = markRaw(
    new FrameClient({
      url: socketUrl('/ws/agent'), device, app: 'console', ticket,
      cursors, onReady, onPush,
      onState: (link) => {
        state.link = link
        if (link.kind !== 'online') outbox.pause()
      },
    }),
  )

  const outbox = reactive(
    new Outbox({ storage, key: `yz.outbox.${scope}.${device}`, send: (request) => client.request<SendReply>('send', request), accepted: (item, reply) => takeOver(item.request.conv, item.request.cid, reply) }),
  ) as Outbox

  async function ticket(): Promise<string> {
    try {
      return (await call<{ ticket: string }>('POST', '/api/v1/ticket', {}, csrf)).ticket
    } catch (error) {
      if (!(error instanceof HttpProblem) || (error.status !== 401 && error.status !== 403)) throw error
      return renewed()
    }
  }

  /** The CSRF token may be of an older sign-in of another tab; the cookie tells. */
  async function renewed(): Promise<string> {
    try {
      csrf = (await call<SignedIn>('GET', '/api/v1/me')).csrf
      return (await call<{ ticket: string }>('POST', '/api/v1/ticket', {}, csrf)).ticket
    } catch (error) {
      if (error instanceof HttpProblem && (error.status === 401 || error.status === 403)) throw new SignInNeeded()
      throw error
    }
  }

  function cursors(): Cursor[] {
    return Object.values(state.talks).filter((talk) => talk.log.loaded).map(({ log }) => ({ conv: log.conv, epoch: log.epoch, seq: log.cursor }))
  }

  function serverNow(): number {
    return state.now + client.skew
  }

  // --- from the server -----------------------------------------------------------------------------------------------
  function onReady(ready: Ready, recoveries: Recovery[] | undefined): void {
    state.me = ready.me
    if (ready.state.agent) state.agent = ready.state.agent
    state.offers = ready.state.offers ?? []
    if (ready.state.queues) state.queues = ready.state.queues.map((one) => ({ ...('queue' in one ? one : { ...one, queue: one.id }), heard: Date.now() }))
    if (ready.state.colleagues) state.colleagues = ready.state.colleagues.map((one) => ('agent' in one ? one : { ...one, agent: one.id })).filter((one) => one.agent !== account.id)
    const present = new Set(ready.state.convs.map(({ conv }) => conv))
    for (const conv of Object.keys(state.talks)) if (!present.has(conv)) forget(conv)
    const known = cursors()
    for (const conv of ready.state.convs) enter(conv)
    if (recoveries) recoveries.forEach(recover)
    else if (known.length) void resync(known)
    outbox.resume()
  }

  async function resync(known: Cursor[]): Promise<void> {
    try {
      const { convs } = await client.request<{ convs: Recovery[] }>('sync', { convs: known })
      convs.forEach(recover)
    } catch {
      // The link ended again; the next `ready` starts over.
    }
  }

  function recover(recovery: Recovery): void {
    const talk = state.talks[recovery.conv]
    if (!talk) return
    if (!recovery.recovered || recovery.epoch !== talk.log.epoch) {
      talk.log.reset(recovery.epoch)
      void loadNewest(talk)
      return
    }
    const before = talk.log.cursor
    for (const envelope of recovery.msgs) keepBack(talk, envelope)
    const gap = talk.log.recover(recovery.msgs)
    recovery.receipts?.forEach(onReceipt)
    for (const envelope of recovery.msgs) if (envelope.seq > before) noticed(talk, envelope)
    settle(talk)
    if (gap) void sync(talk)
  }

  function enter(conv: ConvState): Talk {
    const known = state.talks[conv.conv]
    if (!known) {
      const talk: Talk = { state: conv, log: new ConversationLog(conv.conv, conv.epoch), typingUntil: 0, peer: { delivered: 0, read: 0 }, uploads: [], loadingOlder: false }
      state.talks[conv.conv] = talk
      const live = state.talks[conv.conv] as Talk
      peer(live, conv)
      void loadNewest(live)
      return live
    }
    const session = newer(known.state.session, conv.session) ? conv.session : known.state.session
    known.state = { ...conv, read: Math.max(known.state.read, conv.read), ...(session && { session }) }
    peer(known, conv)
    if (known.log.epoch !== conv.epoch) {
      known.log.reset(conv.epoch)
      void loadNewest(known)
    } else if (!known.log.loaded) void loadNewest(known)
    return known
  }

  function peer(talk: Talk, conv: ConvState): void {
    talk.peer.delivered = Math.max(talk.peer.delivered, conv.peer?.delivered ?? 0)
    talk.peer.read = Math.max(talk.peer.read, conv.peer?.read ?? 0)
  }

  function forget(conv: string): void {
    Reflect.deleteProperty(state.talks, conv)
    if (state.selected === conv) state.selected = undefined
  }

  async function loadNewest(talk: Talk): Promise<void> {
    const key = `load ${talk.log.conv}`
    if (syncing.has(key)) return
    syncing.add(key)
    try {
      const page = await client.request<HistoryPage>('history', { conv: talk.log.conv, limit: 50 })
      const gap = talk.log.seed(page.msgs, page.has_more)
      page.receipts?.forEach(onReceipt)
      settle(talk)
      if (gap) void sync(talk)
    } catch (error) {
      if (error instanceof FrameError && error.retry && error.code !== 'disconnected') setTimeout(() => void loadNewest(talk), 2000)
    } finally {
      syncing.delete(key)
    }
  }

  async function sync(talk: Talk): Promise<void> {
    const { conv } = talk.log
    if (syncing.has(conv)) return
    syncing.add(conv)
    try {
      for (let tries = 0; tries < SYNC_TRIES; tries += 1) {
        const before = talk.log.cursor
        const { convs } = await client.request<{ convs: Recovery[] }>('sync', { convs: [{ conv, epoch: talk.log.epoch, seq: before }] })
        const [one] = convs
        if (!one?.recovered) {
          if (one) recover(one)
          return
        }
        recover(one)
        if (talk.log.cursor >= talk.state.last_seq || talk.log.cursor === before) return
      }
    } catch {
      // Disconnected: `ready` recovers.
    } finally {
      syncing.delete(conv)
    }
  }

  function onPush(push: Push): void {
    switch (push.op) {
      case 'msg': return onMessage(push.d, push.prev)
      case 'receipt': return onReceipt(push.d)
      case 'session': return onSession(push.d)
      case 'conv': return void enter(push.d)
      case 'conv.gone': return forget(push.d.conv)
      case 'offer': return onOffer(push.d)
      case 'offer.revoke': return onRevoke(push.d)
      case 'presence': return onPresence(push.d)
      case 'queue': return onQueue(push.d)
      case 'typing': {
        const talk = state.talks[push.d.conv]
        if (talk && push.d.who !== state.me?.id) talk.typingUntil = push.d.on ? Date.now() + 6000 : 0
        return
      }
      case 'window': {
        const talk = state.talks[push.d.conv]
        if (talk) talk.state.window = { left: push.d.left, until: push.d.until }
        return
      }
      case 'media':
        state.talks[push.d.conv]?.log.media(push.d)
    }
  }

  function onMessage(envelope: Envelope, prev: number | undefined): void {
    const talk = state.talks[envelope.conv]
    if (!talk) return
    talk.state.last_seq = Math.max(talk.state.last_seq, envelope.seq)
    keepBack(talk, envelope)
    const applied = talk.log.apply(prev, envelope)
    if (applied === 'gap') return void sync(talk)
    if (applied === 'applied') noticed(talk, envelope)
    settle(talk)
  }

  /** A picture from WeChat is fetched after its message: its address works once the `media` push has come. */
  function keepBack(talk: Talk, envelope: Envelope): void {
    const id = mediaOf(envelope)?.id
    const young = serverNow() - Date.parse(envelope.ts) < MEDIA_WAIT_MS
    if (!id || !young || envelope.from.role !== 'contact' || envelope.channel.kind === 'web') return
    if (talk.log.hold(envelope)) setTimeout(() => talk.log.release(id), MEDIA_WAIT_MS)
  }

  function noticed(talk: Talk, envelope: Envelope): void {
    if (envelope.from.role !== 'contact') return
    talk.typingUntil = 0
    if (state.selected === envelope.conv && document.hasFocus()) return
    chime('message')
    state.announce = t('newMessage', { name: nameOf(talk), text: envelope.fallback.slice(0, 80) })
  }

  /** After the log moved: unsent copies go, the server hears how far we are. */
  function settle(talk: Talk): void {
    const { log } = talk
    const last = log.messages[log.messages.length - 1]
    if (last) talk.state.last = last
    for (const item of outbox.of(log.conv)) if (log.hasCid(item.request.cid)) outbox.remove(item.request.cid)
    if (acks.has(log.conv) || !log.loaded) return
    acks.set(log.conv, setTimeout(() => {
      acks.delete(log.conv)
      client.tell('ack', { conv: log.conv, seq: log.cursor })
    }, 120))
  }

  function onReceipt(receipt: Receipt): void {
    const talk = state.talks[receipt.conv]
    if (!talk) return
    if (receipt.state !== undefined) {
      talk.log.receipt(receipt)
      return
    }
    if (receipt.who === state.me?.id) {
      talk.state.read = Math.max(talk.state.read, receipt.read ?? 0)
    } else if (receipt.who === 'contact' || receipt.who === 'channel') {
      talk.peer.delivered = Math.max(talk.peer.delivered, receipt.delivered ?? 0, receipt.read ?? 0)
      talk.peer.read = Math.max(talk.peer.read, receipt.read ?? 0)
    }
  }

  function onSession(session: Session): void {
    const talk = state.talks[session.conv]
    if (talk && newer(talk.state.session, session)) talk.state.session = session
  }

  function onOffer(offer: Offer): void {
    const at = state.offers.findIndex((one) => one.assignment === offer.assignment)
    if (at >= 0) state.offers[at] = offer
    else {
      state.offers.push(offer)
      chime('offer')
      state.announce = t('newOffer', { name: offerName(offer) })
    }
  }

  function onRevoke({ assignment, reason }: { assignment: string; reason: string }): void {
    const offer = state.offers.find((one) => one.assignment === assignment)
    if (!offer || accepting.has(assignment)) return
    state.offers = state.offers.filter((one) => one !== offer)
    if (reason !== 'accepted' && reason !== 'taken_elsewhere') toast(t('offerGone', { why: reasonText(reason, lang.value) }))
  }

  function onPresence(push: { agent: string; name?: string; status: string; load: number; capacity: number; display: string; reason?: string }): void {
    if (push.agent === account.id) {
      const { status, load, capacity, display, reason } = push
      state.agent = { ...state.agent, load, capacity, display, ...(status !== 'offline' && { status: status as Presence }), ...(reason !== undefined && { reason }) }
      return
    }
    const known = state.colleagues.find((one) => one.agent === push.agent)
    if (known) Object.assign(known, { status: push.status, load: push.load, capacity: push.capacity })
    else state.colleagues.push({ agent: push.agent, name: push.name ?? push.agent, status: push.status, load: push.load, capacity: push.capacity })
  }

  function onQueue(push: { queue: string; name?: string; waiting: number; longest_ms?: number }): void {
    const known = state.queues.find((one) => one.queue === push.queue)
    const patch = { waiting: push.waiting, heard: Date.now(), ...(push.longest_ms !== undefined && { longest_ms: push.longest_ms }) }
    if (known) Object.assign(known, patch)
    else state.queues.push({ queue: push.queue, name: push.name ?? push.queue, ...patch })
  }

  // --- what the agent does -------------------------------------------------------------------------------------------
  function toast(text: string, tone: 'plain' | 'warn' = 'plain'): void {
    const id = ++toastId
    state.toasts.push({ id, text, tone })
    setTimeout(() => (state.toasts = state.toasts.filter((one) => one.id !== id)), tone === 'warn' ? 7000 : 4000)
  }

  /** Runs a request; a refusal becomes a calm line of text. */
  async function attempt<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run()
    } catch (error) {
      toast(codeText(error instanceof FrameError ? error.code : 'internal', lang.value), 'warn')
      return undefined
    }
  }

  const accepting = new Set<string>()

  async function accept(offer: Offer): Promise<void> {
    accepting.add(offer.assignment)
    const reply = await attempt(() => client.request<{ conv: ConvState }>('offer.accept', { assignment: offer.assignment, token: offer.token }))
    accepting.delete(offer.assignment)
    state.offers = state.offers.filter((one) => one.assignment !== offer.assignment)
    if (reply) select(enter(reply.conv).log.conv)
  }

  async function reject(offer: Offer): Promise<void> {
    await attempt(() => client.request('offer.reject', { assignment: offer.assignment, token: offer.token }))
    state.offers = state.offers.filter((one) => one.assignment !== offer.assignment)
  }

  async function setPresence(status: Presence, reason?: string): Promise<void> {
    const reply = await attempt(() => client.request<AgentState>('presence.set', { status, ...(reason && { reason }) }))
    if (!reply) return
    state.agent = reply
    state.announce = t('statusSet', { status: i18n.maybe(status) ?? status })
  }

  async function pull(queue: string): Promise<boolean> {
    const reply = await attempt(() => client.request<{ conv: ConvState }>('pull', { queue }))
    if (reply) select(enter(reply.conv).log.conv)
    return reply !== undefined
  }

  async function transfer(talk: Talk, to: { agent: string } | { queue: string }, note: string): Promise<boolean> {
    const session = talk.state.session?.session
    const reply = await attempt(() => client.request('transfer', { session, to, ...(note && { note }) }))
    if (reply === undefined) return false
    toast(t('transferSent'))
    return true
  }

  async function cancelTransfer(talk: Talk): Promise<void> {
    await attempt(() => client.request('transfer.cancel', { session: talk.state.session?.session }))
  }

  async function end(talk: Talk, reason: string): Promise<void> {
    await attempt(() => client.request('end', { session: talk.state.session?.session, reason }))
  }

  async function wrapUp(talk: Talk, fields: { disposition: string; tags: string[]; note: string }): Promise<void> {
    const assignment = talk.state.session?.assignment?.assignment
    const done = await attempt(() => client.request('wrapup.done', { assignment, disposition: fields.disposition, tags: fields.tags, ...(fields.note && { note: fields.note }) }))
    if (done !== undefined) forget(talk.log.conv)
  }

  function post(talk: Talk, content: Content): void {
    const internal = content.type === 'note'
    const epoch = talk.state.session?.control_epoch
    outbox.add({
      conv: talk.log.conv, cid: randomId('c'), type: content.type, body: content.body,
      ...(internal && { visibility: 'agents' as const }), ...(!internal && epoch !== undefined && { epoch }),
    })
  }

  /** Edit or recall: only while connected, because two minutes pass quickly. */
  async function amend(talk: Talk, target: Envelope, text: string | undefined): Promise<boolean> {
    const { conv } = talk.log
    const d = text === undefined
      ? { conv, cid: randomId('c'), type: 'recall', body: { target: target.id } }
      : { conv, cid: randomId('c'), type: target.type, body: { text }, replaces: target.id, ...(target.type === 'note' && { visibility: 'agents' }) }
    const reply = await attempt(() => client.request<SendReply>('send', d))
    if (reply && talk.log.cursor < reply.seq) setTimeout(() => talk.log.cursor < reply.seq && void sync(talk), 1000)
    return reply !== undefined
  }

  function sendFile(talk: Talk, file: File): void {
    if (file.size > MAX_UPLOAD) return toast(t('uploadTooLarge'), 'warn')
    const name = file.name || 'image.png'
    const preview = file.type.startsWith('image/') ? URL.createObjectURL(file) : ''
    const running = upload(client, file, name, (share) => {
      const live = talk.uploads.find((one) => one.key === key)
      if (live) live.share = share
    })
    const key = randomId('u')
    talk.uploads.push({ key, name, preview, share: 0, abort: running.abort })
    running.done
      .then((media) => {
        if (preview) state.previews[media.id] = preview
        const type = /^(image|audio|video)\//.exec(media.mime)?.[1]
        if (type === 'image') post(talk, { type: 'image', body: { media } })
        else if (type === 'audio') post(talk, { type: 'voice', body: { media } })
        else if (type === 'video') post(talk, { type: 'video', body: { media } })
        else post(talk, { type: 'file', body: { media, name } })
      })
      .catch((error: unknown) => {
        const code = error instanceof FrameError ? error.code : 'internal'
        if (code !== 'cancelled') toast(t('uploadFailed', { why: codeText(code, lang.value) }), 'warn')
      })
      .finally(() => (talk.uploads = talk.uploads.filter((one) => one.key !== key)))
  }

  /** The server took a message. The log takes it over at once when nothing lies between, else when the push or a sync brings it. */
  function takeOver(conv: string, cid: string, reply: SendReply): void {
    const talk = state.talks[conv]
    const item = outbox.find(cid)
    if (!talk || !item || !state.me) return
    if (talk.log.hasCid(cid)) return outbox.remove(cid)
    const { request } = item
    if (talk.log.loaded && reply.seq === talk.log.cursor + 1) {
      const envelope = {
        v: 1, id: reply.id, tenant: state.me.tenant, conv, seq: reply.seq, cid, ts: reply.ts, from: { role: account.role === 'agent' ? 'agent' : 'supervisor', id: state.me.id, name: state.me.name },
        visibility: request.visibility ?? 'all', type: request.type, body: request.body, fallback: textOf(request.body),
        channel: { kind: talk.state.contact.channel, account: talk.state.contact.account ?? '' }, control_epoch: request.epoch ?? 0,
        ...(talk.state.session && { session: talk.state.session.session }),
      } as Envelope
      talk.log.apply(talk.log.cursor, envelope)
      settle(talk)
    } else setTimeout(() => outbox.find(cid) && client.state.kind === 'online' && void sync(talk), 1500)
  }

  async function loadOlder(talk: Talk): Promise<void> {
    const first = talk.log.messages[0]
    if (talk.loadingOlder || !talk.log.hasOlder || !first) return
    talk.loadingOlder = true
    try {
      const page = await client.request<HistoryPage>('history', { conv: talk.log.conv, before: first.seq, limit: 50 })
      talk.log.prepend(page.msgs, page.has_more && page.msgs.length > 0)
      page.receipts?.forEach(onReceipt)
    } catch {
      // Scrolling up again asks again.
    } finally {
      talk.loadingOlder = false
    }
  }

  const refreshed = new Set<string>()

  /** A signed address has expired: the message is asked for again, once per blob. */
  async function refresh(talk: Talk, seq: number, media: string): Promise<void> {
    if (refreshed.has(media)) return
    refreshed.add(media)
    try {
      const page = await client.request<HistoryPage>('history', { conv: talk.log.conv, after: seq - 1, limit: 1 })
      talk.log.prepend(page.msgs, talk.log.hasOlder)
    } catch {
      refreshed.delete(media)
    }
  }

  function select(conv: string | undefined): void {
    state.selected = conv
  }

  function markRead(talk: Talk): void {
    const { log } = talk
    if (!log.loaded || log.cursor <= talk.state.read) return
    talk.state.read = log.cursor
    client.tell('read', { conv: log.conv, seq: log.cursor })
  }

  let typingAt = 0
  function typing(talk: Talk, on: boolean): void {
    if (on && Date.now() - typingAt < 3000) return
    if (!on && typingAt === 0) return
    typingAt = on ? Date.now() : 0
    client.tell('typing', { conv: talk.log.conv, on })
  }

  function nameOf(talk: Talk): string {
    return offerName({ contact: talk.state.contact })
  }

  function offerName({ contact }: { contact: { name: string; id: string; channel: string } }): string {
    return contactName(contact.name, contact.id, t(contact.channel === 'wechat' ? 'wechatFallback' : 'contactFallback'))
  }

  function unread(talk: Talk): number {
    return talk.log.messages.filter((one) => one.seq > talk.state.read && one.from.role === 'contact' && one.type !== 'event').length
  }

  /** Whether this agent wrote it. */
  function wrote(envelope: Envelope): boolean {
    return isStaff(envelope) && envelope.from.id === account.id
  }

  /** Whether this agent answers the conversation now; while a transfer waits they still do. */
  function answers(talk: Talk): boolean {
    const { session } = talk.state
    return session !== undefined && session.state !== 'ended' && session.assignment?.agent === account.id && session.assignment.state === 'active'
  }

  /** Whether this agent's share is over but for the summary; after a transfer the session itself goes on. */
  function wraps(talk: Talk): boolean {
    const share = talk.state.session?.assignment
    return share?.agent === account.id && share.state === 'wrapup'
  }

  /** Whether a transfer waits for its target. The log tells, also after a reload. */
  function transferring(talk: Talk): boolean {
    for (let at = talk.log.messages.length - 1; at >= 0; at -= 1) {
      const one = talk.log.messages[at]
      if (one?.type !== 'event') continue
      if (/transfer[._]requested$/.test(one.body.name)) return answers(talk)
      if (/transfer|connected|agent_changed|ended/.test(one.body.name)) return false
    }
    return false
  }

  /** A colleague's name for an id in an event. */
  function agentName(id: string): string {
    if (id === account.id) return account.name
    return state.colleagues.find((one) => one.agent === id)?.name ?? id
  }

  /** When the customer began to wait for an answer, if they do. */
  function waitingSince(talk: Talk): number | undefined {
    if (!answers(talk)) return undefined
    let since: number | undefined
    for (let at = talk.log.messages.length - 1; at >= 0; at -= 1) {
      const one = talk.log.messages[at]
      if (!one || (isStaff(one) && one.type !== 'note')) break
      if (one.from.role === 'contact' && one.type !== 'event') since = Date.parse(one.ts)
    }
    return since
  }

  const order = computed(() =>
    Object.values(state.talks).sort((a, b) => Number(a.state.session?.state === 'ended') - Number(b.state.session?.state === 'ended') || lastAt(b) - lastAt(a)),
  )
  const selected = computed(() => (state.selected ? state.talks[state.selected] : undefined))
  const totalUnread = computed(() => order.value.reduce((sum, talk) => sum + unread(talk), 0))

  // --- life ----------------------------------------------------------------------------------------------------------
  const tick = setInterval(() => {
    state.now = Date.now()
    const gone = state.offers.filter((offer) => Date.parse(offer.expires_at) + 2000 < serverNow())
    if (gone.length) state.offers = state.offers.filter((offer) => !gone.includes(offer))
  }, 500)
  const nudge = () => client.nudge()
  const visible = () => document.visibilityState === 'visible' && client.nudge()
  window.addEventListener('online', nudge)
  window.addEventListener('offline', nudge)
  document.addEventListener('visibilitychange', visible)
  client.start()

  async function leave(): Promise<void> {
    clearInterval(tick)
    window.removeEventListener('online', nudge)
    window.removeEventListener('offline', nudge)
    document.removeEventListener('visibilitychange', visible)
    client.stop()
    await call('POST', '/api/v1/logout', {}, csrf).catch(() => undefined)
  }

  return {
    account, state, outbox, drafts, client, order, selected, totalUnread, serverNow, accept, reject, setPresence, pull, transfer, cancelTransfer, end, wrapUp, post, amend, sendFile,
    loadOlder, refresh, select, markRead, typing, nameOf, offerName, agentName, wrote, answers, wraps, transferring, unread, waitingSince, toast, leave,
  }
}

/** Written by a person of the enterprise. */
function isStaff(envelope: Envelope): boolean {
  return envelope.from.role === 'agent' || envelope.from.role === 'supervisor'
}

function lastAt(talk: Talk): number {
  return Date.parse(talk.state.last?.ts ?? talk.state.session?.started_at ?? '') || 0
}

function textOf(body: unknown): string {
  const { text } = body as { text?: unknown }
  return typeof text === 'string' ? text : ''
}
