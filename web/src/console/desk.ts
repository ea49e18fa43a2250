/** The agent's desk: what the server says and what the agent does, as reactive state. Knows no component. */
import { computed, markRaw, reactive } from 'vue'
import { isCallPush } from '../wire/calls'
import { FrameClient } from '../wire/client'
import { claimDevice } from '../wire/device'
import { Drafts } from '../wire/drafts'
import { socketUrl } from '../wire/http'
import { Outbox } from '../wire/outbox'
import type { ConvState, Envelope, Push, Ready, Recovery, SendReply } from '../wire/protocol'
import { acts } from './desk/acts'
import { calls } from './desk/calls'
import { ground } from './desk/ground'
import { logs } from './desk/logs'
import { agentName, nameOf, offerName, queueName } from './desk/names'
import { robots } from './desk/robot'
import { roster } from './desk/roster'
import { emptyState, type SignedIn, type State, type Talk } from './desk/state'
import * as talks from './desk/talk'
import { ticketOffice } from './desk/ticket'
import { writing } from './desk/writing'
import { chime, storage, t } from './settings'

const TYPING_SHOWS_MS = 6000
const TICK_MS = 500
/** An offer whose end the server has not told is dropped this long after it. */
const OFFER_LINGERS_MS = 2000

export type Desk = Awaited<ReturnType<typeof openDesk>>

export async function openDesk(signedIn: SignedIn) {
  const { agent: account } = signedIn
  const scope = `${account.tenant}.${account.id}`
  const device = await claimDevice(storage, scope)
  const state = reactive<State>(emptyState())
  const drafts = new Drafts(storage, scope)
  const office = ticketOffice(signedIn)
  const client = markRaw(
    new FrameClient({
      url: socketUrl('/ws/agent'), device, app: 'console', ticket: office.ticket,
      cursors: () => held.cursors(), onReady, onPush,
      onState: (link) => {
        state.link = link
        if (link.kind === 'online') return
        outbox.pause()
        phones.booth.offline()
      },
    }),
  )
  const outbox = reactive(
    new Outbox({
      storage, key: `yz.outbox.${scope}.${device}`, send: (request) => client.request<SendReply>('send', request),
      accepted: (item, reply) => pen.takeOver(item.request.conv, item.request.cid, reply),
    }),
  ) as Outbox
  const base = ground(account, state, client, outbox)
  const accepting = new Set<string>()
  const held = logs(base, noticed)
  const people = roster(base, accepting)
  const pen = writing(base, held)
  const arrived = (conv: ConvState) => {
    const talk = held.enter(conv)
    select(conv.conv)
    // One that was here before may have gone on without this desk.
    if (talk.log.loaded && talk.log.cursor < conv.last_seq) void held.sync(talk)
  }
  const hands = acts(base, { arrived, forget: held.forget, accepting })
  const { onSuggest, ...machines } = robots(base, { arrived })
  const phones = calls(base, office, device)

  function onReady(ready: Ready, recoveries: Recovery[] | undefined): void {
    state.me = ready.me
    people.ready(ready.state)
    held.ready(ready.state.convs, recoveries)
    outbox.resume()
    phones.booth.ready(ready.state.calls)
    phones.tapes.nudge()
  }

  function onPush(push: Push): void {
    if (isCallPush(push)) return phones.booth.onPush(push)
    switch (push.op) {
      case 'msg': return held.onMessage(push.d, push.prev)
      case 'receipt': return held.onReceipt(push.d)
      case 'session': return held.onSession(push.d)
      case 'conv': return void held.enter(push.d)
      case 'conv.gone': return held.forget(push.d.conv)
      case 'offer': return people.onOffer(push.d)
      case 'offer.revoke': return people.onRevoke(push.d)
      case 'presence': return people.onPresence(push.d)
      case 'queue': return people.onQueue(push.d)
      case 'suggest': return onSuggest(push.d)
      case 'typing': {
        const talk = state.talks[push.d.conv]
        if (talk && push.d.who !== state.me?.id) talk.typingUntil = push.d.on ? Date.now() + TYPING_SHOWS_MS : 0
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

  /** A customer's message that is new here, and not before the agent's eyes. */
  function noticed(talk: Talk, envelope: Envelope): void {
    if (envelope.from.role !== 'contact') return
    talk.typingUntil = 0
    if (state.selected === envelope.conv && document.hasFocus()) return
    chime('message')
    state.announce = t('newMessage', { name: nameOf(talk), text: envelope.fallback.slice(0, 80) })
  }

  function select(conv: string | undefined): void {
    state.selected = conv
  }

  const named = (id: string): string => (id === account.id ? account.name : agentName(state, id))
  const wrote = (envelope: Envelope): boolean => talks.isStaff(envelope) && envelope.from.id === account.id
  const answers = (talk: Talk): boolean => talks.answers(talk, account.id)
  const wraps = (talk: Talk): boolean => talks.wraps(talk, account.id)
  const hasRobot = (talk: Talk): boolean => state.robots || talks.knowsRobot(talk)
  const waitingSince = (talk: Talk): number | undefined => (answers(talk) ? talks.waitingSince(talk) : undefined)

  /** Whom a transfer waits for, empty when that is not known; undefined without one. */
  function transferring(talk: Talk): string | undefined {
    const transfer = answers(talk) ? talks.transferOf(talk) : undefined
    if (!transfer) return undefined
    if (transfer.to_agent) return named(transfer.to_agent)
    return transfer.to_queue ? queueName(state, transfer.to_queue) : ''
  }

  const order = computed(() => Object.values(state.talks).sort(talks.byUrgency))
  const selected = computed(() => (state.selected ? state.talks[state.selected] : undefined))
  const totalUnread = computed(() => order.value.reduce((sum, talk) => sum + talks.unread(talk), 0))

  const tick = setInterval(() => {
    state.now = Date.now()
    const gone = state.offers.filter((offer) => Date.parse(offer.expires_at) + OFFER_LINGERS_MS < base.serverNow())
    if (gone.length) state.offers = state.offers.filter((offer) => !gone.includes(offer))
  }, TICK_MS)
  const nudge = () => client.nudge()
  const visible = () => document.visibilityState === 'visible' && client.nudge()
  window.addEventListener('online', nudge)
  window.addEventListener('offline', nudge)
  document.addEventListener('visibilitychange', visible)
  client.start()

  async function leave(): Promise<void> {
    clearInterval(tick)
    phones.close()
    window.removeEventListener('online', nudge)
    window.removeEventListener('offline', nudge)
    document.removeEventListener('visibilitychange', visible)
    client.stop()
    await office.leave()
  }

  return {
    account, proof: office, state, outbox, drafts, client, order, selected, totalUnread, serverNow: base.serverNow, toast: base.toast,
    ...hands, ...machines, phones, post: pen.post, amend: pen.amend, sendFile: pen.sendFile, typing: pen.typing,
    loadOlder: held.loadOlder, refresh: held.refresh, markRead: held.markRead, select,
    nameOf, offerName, agentName: named, wrote, answers, wraps, hasRobot, transferring, unread: talks.unread, waitingSince, leave,
  }
}
