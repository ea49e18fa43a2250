/** What may keep a camera, a microphone or a screen from us, told apart so that a person can be told what to do. Pure. */

export type Trouble =
  /** The page is not on https, or the browser is too old or forbids it. */
  | 'unsupported'
  /** The same inside WeChat, where another browser is one tap away. */
  | 'wechat'
  /** The person, or a rule of the browser or the site, said no. */
  | 'denied'
  /** The operating system keeps the browser from it. */
  | 'system'
  | 'none_found'
  | 'in_use'
  /** The chosen device is not there any more. */
  | 'unplugged'
  | 'unknown'

export interface Surroundings {
  agent: string
  hasApi: boolean
}

export const inWeChat = (agent: string): boolean => /MicroMessenger/i.test(agent)

export function surroundings(): Surroundings {
  const { mediaDevices } = navigator as { mediaDevices?: MediaDevices }
  return { agent: navigator.userAgent, hasApi: typeof RTCPeerConnection === 'function' && typeof mediaDevices?.getUserMedia === 'function' }
}

/** Whether calls are possible here at all, before anybody is asked for anything. */
export function unable(here: Surroundings): Trouble | undefined {
  if (here.hasApi) return undefined
  return inWeChat(here.agent) ? 'wechat' : 'unsupported'
}

export function troubleOf(error: unknown): Trouble {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown }
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
      return /system/i.test(String(message)) ? 'system' : 'denied'
    case 'SecurityError':
      return 'denied'
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return 'none_found'
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'in_use'
    case 'OverconstrainedError':
      return 'unplugged'
    case 'TypeError':
      return 'unsupported'
    default:
      return 'unknown'
  }
}

/** The person closed the picker: that is an answer, not a trouble. */
export const isChoice = (error: unknown): boolean => troubleOf(error) === 'denied'
