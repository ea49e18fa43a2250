/** Calls at the desk. Knows no component. */
import { openBooth } from '../../rtc/booth'
import type { FrameClient } from '../../wire/client'
import type { CallMedia } from '../../wire/calls'
import { ringing } from '../../ui/tone'
import { chime, storage, t } from '../settings'
import type { Ground } from './ground'
import { recordings } from './recordings'
import type { Talk } from './state'
import type { TicketOffice } from './ticket'

export function calls({ state, client, attempt, toast, serverNow }: Ground, office: TicketOffice, device: string) {
  const tapes = recordings(office, () => toast(t('recordFailed'), 'warn'))
  let quiet: (() => void) | undefined
  const booth = openBooth({
    side: 'agent', device, storage, request: (op, d) => asked(client, op, d), serverNow, online: () => state.link.kind === 'online',
    ringing: (how) => {
      quiet?.()
      quiet = how === 'in' ? ringing(() => chime('call')) : undefined
    },
    record: tapes,
  })

  /** Whether the customer of a conversation can be called, or be sent a link to a call. */
  function way(talk: Talk): 'ring' | 'link' | undefined {
    const { allowed } = booth.state
    if (!allowed?.may_start || booth.busy.value || booth.state.elsewhere) return undefined
    return talk.state.contact.channel === 'web' ? 'ring' : talk.state.contact.channel === 'wechat' ? 'link' : undefined
  }

  async function ring(talk: Talk, media: CallMedia): Promise<void> {
    await booth.invite(media, talk.state.session?.session)
  }

  async function link(talk: Talk, media: CallMedia): Promise<void> {
    const done = await attempt(() => client.request('call.link', { session: talk.state.session?.session, media }))
    if (done) toast(t('callLinkSent'))
  }

  const testServers = async (): Promise<RTCIceServer[]> => (await client.request<{ ice_servers: RTCIceServer[] }>('call.test')).ice_servers

  function close(): void {
    quiet?.()
    booth.close()
    tapes.close()
  }

  return { booth, tapes, way, ring, link, testServers, close }
}

function asked<T>(client: FrameClient, op: string, d: object = {}): Promise<T> {
  return client.request<T>(op, d)
}
