// A demo of our own: starts the program on a free port with an empty data folder, and stops it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const START_MS = 30_000
const STOP_MS = 20_000
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** `declare` makes another declaration of the demo's; `settings` are further ones, by their names in the environment. */
export async function demo(program, more = [], declare, settings = {}) {
  const port = await freePort()
  const data = mkdtempSync(join(tmpdir(), 'yizhan-demo-'))
  if (declare) {
    writeFileSync(join(data, 'tenant.toml'), declare(readFileSync(join(root, 'tenants/demo.toml'), 'utf8')))
    more = [...more, '--tenant', join(data, 'tenant.toml')]
  }
  const child = spawn(resolve(program), ['demo', '--port', String(port), '--data', data, ...more], { cwd: root, env: { ...process.env, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said = (said + part).slice(-4000)))
  const ended = once(child, 'exit')
  const base = `http://127.0.0.1:${port}`
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(timer)
    rmSync(data, { recursive: true, force: true })
  }
  for (const deadline = Date.now() + START_MS; ; ) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`the demo did not start:\n${said}`)
    }
    const ready = await fetch(`${base}/readyz`).then((response) => response.ok, () => false)
    if (ready) return { base, stop }
    await new Promise((again) => setTimeout(again, 50))
  }
}

/** The demo's declaration with other values in its `[call]`. */
export function withCall(values) {
  return (text) => {
    const [from, to] = [text.indexOf('\n[call]\n'), text.indexOf('\n# ----', text.indexOf('\n[call]\n'))]
    let block = text.slice(from, to)
    for (const [key, value] of Object.entries(values)) block = block.replace(new RegExp(`^(# )?${key} = .*$`, 'm'), `${key} = ${value}`)
    return text.slice(0, from) + block + text.slice(to)
  }
}

/** A port that nobody uses, with two more behind it; below those that the kernel gives to clients, who could be faster. */
export async function freePort() {
  for (;;) {
    const first = 10_240 + Math.floor(Math.random() * 22_000)
    const row = await Promise.all([0, 1, 2].map((offset) => isFree(first + offset)))
    if (row.every(Boolean)) return first
  }
}

function isFree(port) {
  return new Promise((found) => {
    const probe = createServer()
    probe.once('error', () => found(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => found(true)))
  })
}
