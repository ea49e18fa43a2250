// A cluster of our own: two nodes behind a balancer, by `scripts/cluster`. Takes a minute to start.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import WebSocket from 'ws'
import { root } from './demo.mjs'

const START_MS = 300_000

/** `holds(id)` tells which of the two nodes calls itself so. */
export async function cluster() {
  const child = spawn(join(root, 'scripts/cluster'), ['--debug'], { stdio: ['ignore', 'pipe', 'pipe'] })
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
  const ports = new Map(['node-1', 'node-2'].map((name) => [name, new RegExp(`${name}\\s+http://127.0.0.1:(\\d+)`).exec(said)[1]]))
  async function holds(id) {
    for (const [name, port] of ports) if ((await nameOf(port, base)) === id) return name
    return undefined
  }
  /** Whether both nodes are there. One that was killed is started again after some seconds. */
  const whole = async () => (await Promise.all([...ports.values()].map((port) => nameOf(port, base)))).every(Boolean)
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
  }
  return { base, holds, whole, kill: (name) => process.kill(processOf(name), 'SIGKILL'), stop }
}

/** What a node calls itself, as it greets everybody. */
function nameOf(port, origin) {
  return new Promise((known) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/agent`, 'yizhan.v1.json', { origin })
    socket.once('error', () => known(undefined))
    socket.once('message', (data) => {
      known(JSON.parse(String(data)).d.node)
      socket.close(1000)
    })
  })
}
