/** What travels on the socket, as the server writes it. Knows no socket and no page. */
import type { CallPushes, CallsState } from './calls'

export type Role = 'contact' | 'agent' | 'robot' | 'system' | 'supervisor' | 'flow'
export type ChannelKind = 'wechat' | 'web' | 'xmpp'

export interface Media {
  id: string
  mime: string
  name?: string
  size?: number
  duration_ms?: number
  /** Signed and relative; absent until the bytes are here. */
  url?: string
  /** The bytes will never come; set by the `media` push. */
  failed?: boolean
}

export interface ArticleItem {
  title: string
  desc?: string
  url: string
  pic?: string
}

export interface MenuOption {
  key: string
  label: string
}

export type Content =
  | { type: 'text'; body: { text: string } }
  | { type: 'image'; body: { media: Media } }
  | { type: 'voice'; body: { media: Media; asr_text?: string } }
  | { type: 'video'; body: { media: Media; title?: string } }
  | { type: 'file'; body: { media?: Media; name: string } }
  | { type: 'location'; body: { lat: number | null; lon: number | null; scale?: number; label?: string } }
  | { type: 'link'; body: { title: string; desc?: string; url: string } }
  | { type: 'article'; body: { items: ArticleItem[] } }
  | { type: 'card'; body: { appid: string; path: string; title: string; thumb?: Media } }
  | { type: 'menu'; body: { prompt: string; options: MenuOption[]; tail?: string } }
  | { type: 'choice'; body: { key: string; label: string } }
  | { type: 'event'; body: { name: string; data?: unknown } }
  | { type: 'note'; body: { text: string } }
  | { type: 'recall'; body: { target: string } }
  | { type: 'unsupported'; body: { raw_type: string } }

export type DeliveryState = 'sending' | 'delivered' | 'failed' | 'uncertain' | 'held'

export interface Delivery {
  state: DeliveryState
  code?: string
  detail?: string
}

export type Envelope = Content & {
  v: number
  id: string
  tenant: string
  conv: string
  session?: string
  seq: number
  cid?: string
  ts: string
  from: { role: Role; id: string; name?: string }
  visibility: string
  fallback: string
  reply_to?: string
  replaces?: string
  channel: { kind: ChannelKind; account: string; ext_id?: string; raw_type?: string }
  control_epoch: number
  /** The channel's last word on an outgoing message, when the server keeps it with the message. */
  delivery?: Delivery
}

export interface ContactRef {
  id: string
  name: string
  channel: ChannelKind
  account?: string
  online?: boolean
}

export interface Session {
  session: string
  conv: string
  /** Snapshots are whole; an older one is ignored. */
  v?: number
  state: 'new' | 'bot' | 'queued' | 'active' | 'ended'
  control: { holder: 'none' | 'queue' | 'leave_message' | 'robot' | 'flow' | 'agent'; agent?: string }
  control_epoch: number
  queue?: { queue: string; pos?: number; ewt_s?: number; since: string }
  assignment?: {
    assignment: string
    agent: string
    agent_name?: string
    state: 'offered' | 'active' | 'wrapup' | 'done'
    since: string
    until?: string
  }
  /** A transfer that waits until somebody takes it. */
  transfer?: { to_agent?: string; to_queue?: string; since?: string } | null
  started_at: string
  ended?: { by: string; reason?: string; at: string }
  tags?: string[]
}

export interface WindowLedger {
  left: number
  until: string
}

export interface ConvState {
  conv: string
  epoch: string
  last_seq: number
  /** This participant's own marks. */
  delivered: number
  read: number
  contact: ContactRef
  session?: Session
  window?: WindowLedger
  last?: Envelope
  /** The other side's marks, when the server keeps them. */
  peer?: { delivered?: number; read?: number }
}

export type Presence = 'ready' | 'busy' | 'break' | 'offline'

export interface AgentState {
  status: Presence
  reason?: string
  load: number
  capacity: number
  display: string
}

export interface Offer {
  assignment: string
  session: string
  conv: string
  queue?: string
  contact: ContactRef
  summary?: string
  waited_ms: number
  expires_at: string
  token: string
  transfer_from?: string
}

export interface QueueState {
  /** Its id, here as in pushes. */
  queue: string
  name: string
  waiting: number
  longest_ms?: number
  /** Local time of this news, from which the longest wait goes on. */
  heard?: number
}

export interface Colleague {
  agent: string
  name: string
  status: string
  load: number
  capacity: number
}

export interface Me {
  role: 'agent' | 'contact'
  id: string
  name: string
  tenant: string
  /** Set for a device that may only call. */
  scope?: 'call'
}

export interface Ready {
  conn_id: string
  device: string
  me: Me
  resume_token: string
  state: { convs: ConvState[]; agent?: AgentState; offers?: Offer[]; queues?: (QueueState | { id: string; name: string; waiting: number })[]; colleagues?: (Colleague | { id: string; name: string; status: string; load: number; capacity: number })[]; calls?: CallsState }
}

export interface Cursor {
  conv: string
  epoch: string
  seq: number
}

export type Recovery =
  | { conv: string; epoch: string; recovered: true; msgs: Envelope[]; receipts?: Receipt[] }
  | { conv: string; epoch: string; recovered: false }

export interface HistoryPage {
  msgs: Envelope[]
  has_more: boolean
  /** How outgoing messages of the page stand, and how far the other side is. */
  receipts?: Receipt[]
}

export interface Hello {
  node: string
  proto: number
  heartbeat_ms: number
  resume_ms: number
  max_frame: number
  now: string
}

export interface Bye {
  code: number
  reconnect: boolean
  delay_ms: number
  reason: string
}

export type Receipt = {
  conv: string
  who?: string
  delivered?: number
  read?: number
  id?: string
  seq?: number
  state?: DeliveryState
  code?: string
  detail?: string
}

/** Pushes by name. `msg` also carries `prev`, the seq of the message before it that this receiver may see. */
export interface Pushes extends CallPushes {
  msg: Envelope
  receipt: Receipt
  session: Session
  conv: ConvState
  'conv.gone': { conv: string }
  offer: Offer
  'offer.revoke': { assignment: string; reason: string }
  presence: { agent: string; name?: string; status: string; load: number; capacity: number; display: string }
  queue: { queue: string; name?: string; waiting: number; longest_ms?: number }
  typing: { conv: string; who: string; on: boolean }
  window: { conv: string; left: number; until: string }
  media: { conv: string; id: string; mime: string; size?: number; url?: string; state: 'ready' | 'failed' }
  /** Answers that an agent may use; worth nothing later. */
  suggest: Suggestions
  /** What a robot is about to say, whole each time; the message itself replaces it. `turn` is the customer's message. */
  'robot.delta': { conv: string; turn: number; text: string }
}

export interface Suggestion {
  faq: string
  question: string
  answer: string
  /** How probable it is that it was meant, 0 to 1. */
  p: number
}

export interface Suggestions {
  conv: string
  /** The customer's message. */
  seq: number
  answers: Suggestion[]
}

/** What a robot was asked, and what it made of it. */
export interface RobotTurn {
  /** The customer's message. */
  seq: number
  adapter: string
  query: string
  decision: string
  hits: { faq: string; question: string; p: number }[]
  reply_seq?: number
  latency_ms?: number
  error?: string
  /** The answer came when somebody else had the control, and was dropped. */
  stale: boolean
  helpful?: boolean
}

export type PushName = keyof Pushes
export type Push = { [K in PushName]: { op: K; d: Pushes[K]; prev?: number } }[PushName]

export interface SendRequest {
  conv: string
  cid: string
  type: string
  body: unknown
  reply_to?: string
  replaces?: string
  visibility?: 'all' | 'agents'
  epoch?: number
}

export interface SendReply {
  id: string
  seq: number
  ts: string
  dup: boolean
}

export const MAX_TEXT = 4000
export const MAX_UPLOAD = 10 * 1024 * 1024
export const RECALL_MS = 120_000
