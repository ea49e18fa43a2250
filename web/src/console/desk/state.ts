/** What the desk shows, as one reactive object. Knows no server and no component. */
import type { LinkState } from '../../wire/client'
import type { ConversationLog } from '../../wire/log'
import type { AgentState, Colleague, ConvState, Me, Offer, QueueState, Suggestions } from '../../wire/protocol'

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
  /** Answers that may be used, for the customer's message that they came for. */
  suggestions?: Suggestions
}

export interface State {
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
  /** Whether the enterprise has a robot, as far as this page has seen. */
  robots: boolean
}

export function emptyState(): State {
  return {
    link: { kind: 'idle' }, me: undefined, agent: { status: 'offline', load: 0, capacity: 0, display: 'offline' }, talks: {}, offers: [], queues: [], colleagues: [],
    selected: undefined, toasts: [], now: Date.now(), previews: {}, announce: '', robots: false,
  }
}
