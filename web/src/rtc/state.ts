/** What a page knows of the calls of its person. Knows no gateway and no component. */
import type { Call, CallPolicy, EndReason, RecordPolicy, Ring } from '../wire/calls'
import type { Media } from './mender'
import type { Quality } from './quality'
import type { Broken } from './tape'
import type { Trouble } from './trouble'

export type Phase =
  | 'none'
  /** A camera or microphone is being asked for. */
  | 'preparing'
  /** The other side is being called. */
  | 'calling'
  /** The other side calls. */
  | 'ringing'
  | 'joining'
  | 'talking'
  | 'ended'

export interface BoothState {
  /** Undefined where there are no calls. */
  allowed: { may_start: boolean; video: boolean; record: RecordPolicy } | undefined
  phase: Phase
  call: Call | undefined
  ring: Ring | undefined
  /** The other side's devices ring. */
  rings: boolean
  /** Another device of this person is in a call. */
  elsewhere: boolean
  policy: CallPolicy | undefined
  own: MediaStream | undefined
  screen: MediaStream | undefined
  remote: MediaStream | undefined
  media: Media
  quality: Quality
  muted: { audio: boolean; video: boolean }
  peerMuted: { audio: boolean; video: boolean }
  /** What kept us from a camera, a microphone or a screen. */
  trouble: { what: Trouble; of: 'audio' | 'video' | 'screen' } | undefined
  /** The code of what was refused last. */
  refusal: string | undefined
  /** The other side asks for video, or whether it may record. */
  asked: { upgrade: boolean; record: boolean }
  /** We asked, and wait. */
  waiting: { upgrade: boolean; record: boolean }
  /** A word about what has just happened, by name. */
  notice: 'upgrade_denied' | 'record_denied' | 'record_cut' | 'no_camera' | Broken | undefined
  end: { reason: EndReason; talkMs: number } | undefined
  rated: boolean
}

/** Whether calls of this tenant may be recorded, which happens on the agent's device. */
export const recordable = ({ allowed }: Pick<BoothState, 'allowed'>): boolean => allowed?.record === 'client'

/** No call. */
export const fresh = (): Omit<BoothState, 'allowed' | 'elsewhere'> => ({
  phase: 'none', call: undefined, ring: undefined, rings: false, policy: undefined, own: undefined, screen: undefined, remote: undefined, media: 'connecting', quality: 'good',
  muted: { audio: false, video: false }, peerMuted: { audio: false, video: false }, trouble: undefined, refusal: undefined, asked: { upgrade: false, record: false },
  waiting: { upgrade: false, record: false }, notice: undefined, end: undefined, rated: false,
})
