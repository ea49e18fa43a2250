// A cluster of our own: two nodes behind a balancer, by `scripts/cluster`. Takes a minute to start.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './demo.mjs'

const START_MS = 300_000

/** `nodes` knows each node's process; `holds(node)` tells which of them has that id. */
export async function cluster() {
  const dir = mkdtempSync(join(tmpdir(), 'yizhan-e2e-cluster-'))
  const child = spawn(join(root, 'scripts/cluster'), ['--debug', '--dir', dir], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, YIZHAN__LOG__LEVEL: 'info' } })
  const ended = once(child, 'exit')
  let said = ''
  const started = new Promise((ready, failed) => {
    const timer = setTimeout(() => failed(new Error(`the cluster did not start:\n${said.slice(-3000)}`)), START_MS)
    const hear = (part) => {
      said += part
      if (!/Ctrl-C 结束/.test(said)) return
      clearTimeout(timer)
      ready()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    ended.then(() => failed(new Error(`the cluster ended:\n${said.slice(-3000)}`)))
  })
  await started
  const [, base] = /console\s+(http:\/\/[^/]+)\/console/.exec(said)
  /** The newest process of a node, also after it was started again. */
  const processOf = (name) => Number([...said.matchAll(new RegExp(`${name}\\s.*?(?:进程 process|process) (\\d+)`, 'g'))].at(-1)[1])
  const holds = (id) => ['node-1', 'node-2'].find((name) => readFileSync(join(dir, 'log', `${name}.log`), 'utf8').includes(id))
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
  }
  return { base, holds, kill: (name) => process.kill(processOf(name), 'SIGKILL'), stop }
}
