// A real TURN server of our own, with the configuration that is shipped.
import { createHmac } from 'node:crypto'
import { service } from './service.mjs'

export const SECRET = 'turn-secret'

export async function coturn() {
  const { port, stop } = await service('coturn', ({ said }) => /Total General servers/.test(said))
  return { port, url: `turn:127.0.0.1:${port}?transport=udp`, stop }
}

/** Credentials of which everything is right but the time. */
export function expired() {
  const username = `${Math.floor(Date.now() / 1000) - 60}:w_none.contact`
  return { username, credential: createHmac('sha1', SECRET).update(username).digest('base64') }
}
