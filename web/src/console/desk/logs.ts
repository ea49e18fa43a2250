/** Keeps the conversations of the desk complete: what enters, what is pushed, what was missed. */
import { FrameError } from '../../wire/client'
import { ConversationLog } from '../../wire/log'
import type { ConvState, Cursor, Envelope, HistoryPage, Receipt, Recovery, Session } from '../../wire/protocol'
import { newer } from '../../wire/session'
import type { Ground } from './ground'
import type { Talk } from './state'

const SYNC_TRIES = 3
const ACK_MS = 120
const RELOAD_MS = 2000

/** `noticed` hears of every message that is new here. */
export function logs({ state, client, outbox }: Ground, noticed: (talk: Talk, envelope: Envelope) => void) {
  const syncing = new Set<string>()
  const acks = new Map<string, ReturnType<typeof setTimeout>>()

  function cursors(): Cursor[] {
    return Object.values(state.talks).filter((talk) => talk.log.loaded).map(({ log }) => ({ conv: log.conv, epoch: log.epoch, seq: log.cursor }))
  }

  /** The link is up: the conversations are these, and this was missed in those that were known. */
  function ready(convs: ConvState[], recoveries: Recovery[] | undefined): void {
    const present = new Set(convs.map(({ conv }) => conv))
    for (const conv of Object.keys(state.talks)) if (!present.has(conv)) forget(conv)
    const known = cursors()
    for (const conv of convs) enter(conv)
    if (recoveries) recoveries.forEach(recover)
    else if (known.length) void resync(known)
    for (const { conv } of known) void lookForBlobs(state.talks[conv])
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
    const gap = talk.log.recover(recovery.msgs)
    recovery.receipts?.forEach(onReceipt)
    for (const envelope of recovery.msgs) if (envelope.seq > before) noticed(talk, envelope)
    settle(talk)
    if (gap) void sync(talk)
  }

  function enter(conv: ConvState): Talk {
    const known = state.talks[conv.conv]
    if (!known) {
      state.talks[conv.conv] = { state: conv, log: new ConversationLog(conv.conv, conv.epoch), typingUntil: 0, peer: { delivered: 0, read: 0 }, uploads: [], loadingOlder: false }
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
      if (error instanceof FrameError && error.retry && error.code !== 'disconnected') setTimeout(() => void loadNewest(talk), RELOAD_MS)
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
        if (one) recover(one)
        if (!one?.recovered || talk.log.cursor >= talk.state.last_seq || talk.log.cursor === before) return
      }
    } catch {
      // Disconnected: `ready` recovers.
    } finally {
      syncing.delete(conv)
    }
  }

  /** The news that a blob is here goes to who is connected; who was not asks for the messages that still lack theirs. */
  async function lookForBlobs(talk: Talk | undefined): Promise<void> {
    if (!talk) return
    const { log } = talk
    try {
      for (let first = log.lacking(0); first !== undefined; ) {
        const { msgs } = await client.request<HistoryPage>('history', { conv: log.conv, after: first - 1, limit: 200 })
        log.replace(msgs)
        first = log.lacking((msgs[msgs.length - 1]?.seq ?? first) + 1)
      }
    } catch {
      // Disconnected: the next `ready` asks again.
    }
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
      talk.log.replace(page.msgs)
    } catch {
      refreshed.delete(media)
    }
  }

  function onMessage(envelope: Envelope, prev: number | undefined): void {
    const talk = state.talks[envelope.conv]
    if (!talk) return
    talk.state.last_seq = Math.max(talk.state.last_seq, envelope.seq)
    const applied = talk.log.apply(prev, envelope)
    if (applied === 'gap') return void sync(talk)
    if (applied === 'applied') noticed(talk, envelope)
    settle(talk)
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
    }, ACK_MS))
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

  function markRead(talk: Talk): void {
    const { log } = talk
    if (!log.loaded || log.cursor <= talk.state.read) return
    talk.state.read = log.cursor
    client.tell('read', { conv: log.conv, seq: log.cursor })
  }

  return { cursors, ready, enter, forget, sync, settle, loadOlder, refresh, onMessage, onReceipt, onSession, markRead }
}
