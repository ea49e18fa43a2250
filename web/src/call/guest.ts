/** The contact's side of a call by link: trades the link for a way in, and calls. Knows no component. */
import { markRaw, reactive } from 'vue'
import { openBooth } from '../rtc/booth'
import { play, ringing } from '../ui/tone'
import { isCallPush, type CallMedia, type IceServers } from '../wire/calls'
import { FrameClient, Refused, type LinkState } from '../wire/client'
import { call, HttpProblem, socketUrl } from '../wire/http'
import { PageStorage } from '../wire/store'

interface Ticket {
  ticket: string
  device: string
  call: { media: CallMedia; account_name?: string; agent_name?: string; expires_at: string }
}

/** Why the link leads nowhere. */
export type Dead = 'invalid' | 'over' | 'busy' | 'offline'

export type Guest = Awaited<ReturnType<typeof openGuest>>

export class LinkProblem extends Error {
  constructor(readonly why: Dead) {
    super(why)
  }
}

function why(error: unknown): Dead {
  if (!(error instanceof HttpProblem)) return 'offline'
  switch (error.status) {
    case 400:
    case 401:
    case 404: return 'invalid'
    case 409:
    case 410: return 'over'
    case 429: return 'busy'
    default: return 'offline'
  }
}

/** Rejects with LinkProblem when the link leads nowhere. */
export async function openGuest(token: string) {
  const trade = (): Promise<Ticket> => call<Ticket>('POST', '/api/v1/call/ticket', { token })
  let first: Ticket | undefined
  try {
    first = await trade()
  } catch (error) {
    throw new LinkProblem(why(error))
  }
  const state = reactive({ link: { kind: 'idle' } as LinkState, ready: false, now: Date.now(), dead: undefined as Dead | undefined, call: first.call })

  /** The first ticket came with the link's story; later ones are fetched as they are needed. */
  async function ticket(): Promise<string> {
    const kept = first
    first = undefined
    if (kept) return kept.ticket
    try {
      return (await trade()).ticket
    } catch (error) {
      const reason = why(error)
      if (reason === 'offline' || reason === 'busy') throw error
      state.dead = reason
      throw new Refused()
    }
  }

  const client = markRaw(
    new FrameClient({
      url: socketUrl('/ws/visitor'), device: first.device, app: 'call', ticket, cursors: () => [],
      onState: (link) => {
        state.link = link
        if (link.kind !== 'online') booth.offline()
      },
      onReady: (ready) => {
        state.ready = true
        booth.ready(ready.state.calls)
      },
      onPush: (push) => {
        if (isCallPush(push)) booth.onPush(push)
      },
    }),
  )
  const serverNow = (): number => state.now + client.skew
  let quiet: (() => void) | undefined
  const booth = openBooth({
    side: 'contact', device: first.device, storage: PageStorage.open(), request: (op, d) => client.request(op, d), serverNow, online: () => state.link.kind === 'online',
    ringing: (how) => {
      quiet?.()
      quiet = how === 'in' ? ringing(() => play([659, 784, 988])) : undefined
    },
  })

  setInterval(() => (state.now = Date.now()), 500)
  const nudge = () => client.nudge()
  window.addEventListener('online', nudge)
  window.addEventListener('offline', nudge)
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && client.nudge())
  client.start()

  const servers = async (): Promise<RTCIceServer[]> => (await client.request<IceServers>('call.test')).ice_servers

  return { state, booth, client, serverNow, servers }
}
