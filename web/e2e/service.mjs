// A throw-away service of our own: `scripts/service KIND`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, root } from './demo.mjs'
import { until } from './stage.mjs'

const START_MS = 60_000

/** `ready` is asked again and again, with what the service has said so far and its port. */
export async function service(kind, ready) {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), `yizhan-${kind}-`))
  const child = spawn(join(root, 'scripts/service'), [kind, dir, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said = (said + part).slice(-4000)))
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await until(`${kind} to start`, () => child.exitCode !== null || ready({ said, port }), START_MS)
    if (child.exitCode !== null) throw new Error(`${kind} ended`)
  } catch (error) {
    await stop()
    throw new Error(`${error.message}:\n${said}`)
  }
  return { port, stop }
}
