/** Which of two session snapshots is the later one. Pure. */
import type { Session } from './protocol'

/** Whether a snapshot replaces the one that is known. A later session always does; versions are compared within one. */
export function newer(known: Session | undefined, next: Session | undefined): next is Session {
  if (!next) return false
  if (!known || known.v === undefined || next.v === undefined) return true
  if (known.session !== next.session) return Date.parse(next.started_at) >= Date.parse(known.started_at)
  return next.v >= known.v
}
