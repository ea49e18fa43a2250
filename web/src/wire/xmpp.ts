/** XMPP accounts as `GET /api/v1/xmpp` tells them. */
import { call } from './http'

export interface XmppLink {
  /** `up`, `down`, or `unknown` before the first attempt. */
  state: string
  code?: string | null
  reason?: string | null
  node?: string | null
  since?: string | null
}

export interface XmppAgent {
  agent: string
  jid: string
  asked_by?: string | null
  subscription: string
  hint?: string | null
  shown?: string | null
  since?: string | null
}

export interface XmppAccount {
  account: string
  domain: string
  server: string
  customers: boolean
  link: XmppLink
  agents: XmppAgent[]
}

/** For administrators only. Rejects with HttpProblem. */
export async function xmppAccounts(): Promise<XmppAccount[]> {
  return (await call<{ items: XmppAccount[] }>('GET', '/api/v1/xmpp')).items
}
