/** What calls say on the socket, as the gateway writes it. Knows no socket and no page. */

export type Side = 'contact' | 'agent'

export interface CallMedia {
  audio: boolean
  video: boolean
}

export type CallStateName = 'inviting' | 'ringing' | 'connecting' | 'connected' | 'held' | 'reconnecting' | 'ended'

export type EndReason =
  | 'hangup_contact' | 'hangup_agent' | 'declined' | 'no_answer' | 'busy' | 'cancelled' | 'ice_failed' | 'media_denied' | 'lost'
  | 'session_ended' | 'replaced' | 'max_duration' | 'admin' | 'server_restart'

/** A snapshot; one whose `v` is not newer is ignored. */
export interface Call {
  v: number
  call_id: string
  conv: string
  session: string
  state: CallStateName
  leg: number
  direction: Side
  media: CallMedia
  agent?: string
  agent_name?: string
  contact_name?: string
  invited_at: string
  ring_until?: string
  accepted_at?: string
  connected_at?: string
  held: boolean
  screen: boolean
  recording: boolean
  /** Whether the contact has yet to say if it may be recorded. */
  record_asked?: boolean
  /** The recording that is made now; on the agent's device only. */
  recording_id?: string | null
  upgrade?: { by: Side; expires_at: string }
  /** Which device of one's own side takes part, once one does. */
  device?: string
  end?: { reason: EndReason; by: string; at: string; talk_ms: number }
}

export interface IceServers {
  ice_servers: RTCIceServer[]
  ice_until?: string
}

/** Where calls are recorded, if at all. */
export type RecordPolicy = 'none' | 'client'

export interface CallPolicy {
  relay_only: boolean
  record: RecordPolicy
  connecting_s: number
  reconnecting_s: number
  max_s: number
  held_max_s: number
  stats_s: number
}

export interface Numbered {
  n: number
  type: 'offer' | 'answer'
  sdp: string
}

/** All that the device that takes part needs to go on. */
export type LiveCall = Call &
  IceServers & {
    side: Side
    polite: boolean
    policy: CallPolicy
    mine: { n: number; desc?: Numbered; muted?: { audio: boolean; video: boolean } }
    peer: { n: number; desc?: Numbered; ice: { n: number; candidates: (RTCIceCandidateInit | null)[] }[]; muted: { audio: boolean; video: boolean } }
  }

export interface Ring {
  call: Call
  from: { side: Side; name: string }
  expires_at: string
}

/** What stands about calls in the answer to signing in. */
export interface CallsState {
  may_start: boolean
  video: boolean
  record: RecordPolicy
  live?: Call | LiveCall
  ringing?: Ring
}

export type CallStart = { call: Call; side: Side; polite: boolean; leg: number; policy: CallPolicy } & IceServers
export type CallJoined = { call: Call; side: Side } & IceServers

export interface CallPushes {
  'call.ring': Ring
  'call.ringing': { call_id: string }
  'call.start': CallStart
  'call.desc': { call_id: string; leg: number } & Numbered
  'call.ice': { call_id: string; leg: number; n: number; candidates: (RTCIceCandidateInit | null)[] }
  'call.mute': { call_id: string; side: Side; audio: boolean; video: boolean }
  'call.upgrade': { call_id: string; media: CallMedia; expires_at: string }
  'call.upgrade.ok': { call_id: string }
  'call.upgrade.deny': { call_id: string }
  'call.record': { call_id: string }
  'call.recording': { call_id: string; on: boolean; denied?: boolean; recording?: string }
  'call.cancel': { call_id: string; reason: string }
  'call.state': Call
}

export type CallPush = { [K in keyof CallPushes]: { op: K; d: CallPushes[K] } }[keyof CallPushes]

export const isCallPush = (push: { op: string }): push is CallPush => push.op.startsWith('call.')

/** Whether a snapshot says all that this device needs: it is the one that takes part. */
export const takesPart = (call: Call | LiveCall): call is LiveCall => 'mine' in call
