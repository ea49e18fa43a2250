// Another module of the contact centre, on a broker of our own: hears events and gives orders. Python's pika, which scripts/provision installs, is its client.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from './demo.mjs'
import { service } from './service.mjs'
import { check, until } from './stage.mjs'

const PYTHON = process.env.YIZHAN_TEST_PYTHON ?? join(root, '.cache/python/bin/python')

/** Whether somebody there begins to talk AMQP. */
const answers = ({ port }) => new Promise((known) => {
  const socket = connect(port, '127.0.0.1', () => socket.write('AMQP\0\0\x09\x01'))
  const done = (answer) => {
    socket.destroy()
    known(answer)
  }
  socket.once('data', (data) => done(data[0] === 1))
  socket.once('error', () => done(false))
  socket.once('close', () => done(false))
})

export async function broker() {
  const { port, stop } = await service('rabbitmq', answers)
  return { url: `amqp://guest:guest@127.0.0.1:${port}/%2f`, stop }
}

/** `told` waits for an event of a type, `order` for the answer to an order. */
export async function module(url) {
  const child = spawn(PYTHON, [join(root, 'web/e2e/module.py'), url], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  const lines = []
  let said = ''
  child.stderr.on('data', (part) => (said = (said + part).slice(-4000)))
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)))
  const line = (what, fits, ms) => until(what, () => {
    check(child.exitCode === null, `the module ended:\n${said}`)
    return lines.find(fits)
  }, ms)
  await line('the gateway to take orders', ({ ready }) => ready, 60_000)
  let serial = 0
  const order = async (cmd, args) => {
    const name = `e2e-${process.pid}-${++serial}`
    child.stdin.write(`${JSON.stringify({ id: name, cmd, args })}\n`)
    return (await line(`an answer to ${cmd}`, (one) => one.id === name)).answer
  }
  const told = async (type, fits = () => true) => (await line(`the event ${type}`, ({ event }) => event?.type === `yizhan.${type}.v1` && fits(event.data))).event.data
  const stop = async () => {
    child.stdin.end()
    await ended
  }
  return { order, told, stop }
}
