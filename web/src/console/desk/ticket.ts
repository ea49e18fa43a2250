/** Tickets for the socket, by the browser's sign-in. Knows no desk. */
import { SignInNeeded } from '../../wire/client'
import { call, HttpProblem } from '../../wire/http'
import type { SignedIn } from './state'

export type TicketOffice = ReturnType<typeof ticketOffice>

export function ticketOffice(signedIn: SignedIn) {
  let { csrf } = signedIn

  async function take(): Promise<string> {
    return (await call<{ ticket: string }>('POST', '/api/v1/ticket', {}, csrf)).ticket
  }

  async function ticket(): Promise<string> {
    try {
      return await take()
    } catch (error) {
      if (!signedOut(error)) throw error
      return renewed()
    }
  }

  /** The CSRF token may be of an older sign-in of another tab; the cookie tells. */
  async function renewed(): Promise<string> {
    try {
      csrf = (await call<SignedIn>('GET', '/api/v1/me')).csrf
      return await take()
    } catch (error) {
      if (signedOut(error)) throw new SignInNeeded()
      throw error
    }
  }

  /** Looks at the cookie again; whether somebody is still signed in. */
  async function renew(): Promise<boolean> {
    try {
      csrf = (await call<SignedIn>('GET', '/api/v1/me')).csrf
      return true
    } catch {
      return false
    }
  }

  /** Signs out; a server that cannot be reached forgets the sign-in by itself. */
  async function leave(): Promise<void> {
    await call('POST', '/api/v1/logout', {}, csrf).catch(() => undefined)
  }

  return { ticket, leave, renew, csrf: () => csrf }
}

function signedOut(error: unknown): boolean {
  return error instanceof HttpProblem && (error.status === 401 || error.status === 403)
}
