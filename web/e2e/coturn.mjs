// A real TURN server of our own, with the configuration that is shipped: `scripts/service coturn`.
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, root } from './demo.mjs'

const START_MS = 20_000
export const SECRET = 'turn-secret'

export async function coturn() {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'yizhan-coturn-'))
  const child = spawn(join(root, 'scripts/service'), ['coturn', dir, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  let said = ''
  await new Promise((ready, failed) => {
    const timer = setTimeout(() => failed(new Error(`coturn did not start:\n${said}`)), START_MS)
    const hear = (part) => {
      said = (said + part).slice(-4000)
      if (!/Total General servers/.test(said)) return
      clearTimeout(timer)
      ready()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    ended.then(() => failed(new Error(`coturn ended:\n${said}`)))
  })
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
    rmSync(dir, { recursive: true, force: true })
  }
  return { port, url: `turn:127.0.0.1:${port}?transport=udp`, stop }
}

/** Credentials of which everything is right but the time. */
export function expired() {
  const username = `${Math.floor(Date.now() / 1000) - 60}:w_none.contact`
  return { username, credential: createHmac('sha1', SECRET).update(username).digest('base64') }
}
