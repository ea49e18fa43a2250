/** What the client does after a close code. Pure. */

export type StopReason = 'auth' | 'replaced' | 'protocol' | 'suspended' | 'refused' | 'left'

export type Verdict =
  | { kind: 'stop'; reason: StopReason }
  | { kind: 'resume'; afterMs: number }
  | { kind: 'fresh'; afterMs: number }
  | { kind: 'backoff' }

export interface ByeHint {
  reconnect: boolean
  delay_ms: number
}

/** The code decides, never the text. `bye`, when it came, gives the delay and may forbid to come back. */
export function verdict(code: number, bye: ByeHint | undefined, random: number): Verdict {
  switch (code) {
    case 4001:
      return { kind: 'stop', reason: 'auth' }
    case 4003:
      return { kind: 'stop', reason: 'replaced' }
    case 4004:
      return { kind: 'stop', reason: 'protocol' }
    case 4012:
      return { kind: 'stop', reason: 'suspended' }
  }
  if (bye && !bye.reconnect) return { kind: 'stop', reason: 'refused' }
  switch (code) {
    case 4002:
      return { kind: 'fresh', afterMs: 0 }
    case 4008:
      return { kind: 'resume', afterMs: Math.max(1000, bye?.delay_ms ?? 1000) }
    case 4009:
    case 4011:
    case 4013:
      return { kind: 'resume', afterMs: 0 }
    case 4010:
      return { kind: 'resume', afterMs: Math.round((bye?.delay_ms ?? 0) * random) }
    default:
      if (bye) return { kind: 'resume', afterMs: Math.round(bye.delay_ms * random) }
      return { kind: 'backoff' }
  }
}
