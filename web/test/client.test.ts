import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FrameError} from '../src/wire/client';
import { FrameClient, SignInNeeded, type ClientOptions, type Link, type LinkState } from '../src/wire/client'
import type { Push, Ready, Recovery } from '../src/wire/protocol'

class FakeLink implements Link {
  readyState = 1
  sent: { id?: number; op: string; d?: Record<string, unknown> }[] = []
  onopen: Link['onopen'] = null
  onmessage: Link['onmessage'] = null
  onclose: Link['onclose'] = null
  onerror: Link['onerror'] = null
  send(text: string): void {
    this.sent.push(JSON.parse(text) as FakeLink['sent'][number])
  }
  close(): void {
    this.readyState = 3
  }
  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  die(code: number): void {
    this.readyState = 3
    this.onclose?.({ code })
  }
  last(op: string) {
    return this.sent.filter((frame) => frame.op === op).at(-1)
  }
}

const READY: Ready = { conn_id: 'k1', device: 'd1', me: { role: 'agent', id: 'li', name: '小李', tenant: 'demo' }, resume_token: 'r1', state: { convs: [] } }
const hello = (over = {}) => ({ op: 'hello', d: { node: 'n', proto: 1, heartbeat_ms: 25_000, resume_ms: 120_000, max_frame: 65_536, now: new Date(Date.now() + 5000).toISOString(), ...over } })

function setup(over: Partial<ClientOptions> = {}) {
  const links: FakeLink[] = []
  const states: LinkState[] = []
  const pushes: Push[] = []
  const readies: (Recovery[] | undefined)[] = []
  const ticket = vi.fn(() => Promise.resolve('t1'))
  const client = new FrameClient({
    url: 'ws://test/ws/agent', device: 'd1', app: 'test', ticket, cursors: () => [{ conv: 'c1', epoch: 'e1', seq: 7 }],
    onState: (state) => states.push(state), onPush: (push) => pushes.push(push), onReady: (_ready, recoveries) => readies.push(recoveries),
    open: () => {
      const link = new FakeLink()
      links.push(link)
      return link
    },
    random: () => 0.5, ...over,
  })
  const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  const link = () => links.at(-1) as FakeLink
  const online = async () => {
    client.start()
    await tick()
    link().say(hello())
    link().say({ id: link().last('auth')?.id, ok: READY })
    await tick()
  }
  return { client, links, link, states, pushes, readies, ticket, tick, online }
}

beforeEach(() => void vi.useFakeTimers({ now: 1_795_392_000_000 }))
afterEach(() => void vi.useRealTimers())

describe('frame client', () => {
  it('fetches a ticket, waits for hello, authenticates and knows the server clock', async () => {
    const { client, link, tick, states } = setup()
    client.start()
    await tick()
    expect(link().sent).toEqual([])
    link().say(hello())
    expect(link().last('auth')?.d).toEqual({ ticket: 't1', device: 'd1', app: 'test', caps: [] })
    link().say({ id: link().last('auth')?.id, ok: READY })
    await tick()
    expect(states.at(-1)).toEqual({ kind: 'online' })
    expect(client.skew).toBe(5000)
  })

  it('matches answers by id and turns refusals into errors', async () => {
    const { client, link, online } = setup()
    await online()
    const good = client.request('history', { conv: 'c1' })
    const bad = client.request('send', {})
    bad.catch(() => undefined)
    const [a, b] = link().sent.slice(-2)
    link().say({ id: b?.id, err: { code: 'rate_limited', msg: 'slow', retry: true, after_ms: 800 } })
    link().say({ id: a?.id, ok: { msgs: [] } })
    await expect(good).resolves.toEqual({ msgs: [] })
    await expect(bad).rejects.toMatchObject({ code: 'rate_limited', retry: true, afterMs: 800 })
  })

  it('gives up on an answer after its time, and rejects all that wait when the link ends', async () => {
    const { client, link, online, tick } = setup()
    await online()
    const slow = client.request('tag', {}, 3000).catch((error: FrameError) => error.code)
    await tick(3000)
    expect(await slow).toBe('timeout')
    const cut = client.request('tag', {}).catch((error: FrameError) => error.code)
    link().die(1006)
    expect(await cut).toBe('disconnected')
    await expect(client.request('tag', {})).rejects.toMatchObject({ code: 'disconnected' })
  })

  it('resumes with its cursors after a cut, without a new ticket', async () => {
    const { link, links, online, tick, ticket, readies } = setup()
    await online()
    link().die(1006)
    await tick(750)
    expect(links).toHaveLength(2)
    link().say(hello())
    expect(link().last('resume')?.d).toEqual({ resume_token: 'r1', device: 'd1', convs: [{ conv: 'c1', epoch: 'e1', seq: 7 }] })
    const convs = [{ conv: 'c1', epoch: 'e1', recovered: true, msgs: [] }]
    link().say({ id: link().last('resume')?.id, ok: { ...READY, resumed: true, convs } })
    await tick()
    expect(readies.at(-1)).toEqual(convs)
    expect(ticket).toHaveBeenCalledTimes(1)
  })

  it('comes with a new ticket when the token is refused with 4002', async () => {
    const { link, online, tick, ticket } = setup()
    await online()
    link().die(1006)
    await tick(750)
    link().say(hello())
    link().die(4002)
    await tick(2000)
    link().say(hello())
    expect(link().last('auth')).toBeDefined()
    expect(link().last('resume')).toBeUndefined()
    expect(ticket).toHaveBeenCalledTimes(2)
  })

  it('comes with a new ticket when it was away for longer than the token lives', async () => {
    let now = Date.now()
    const { link, online, tick, ticket } = setup({ now: () => now })
    await online()
    now += 121_000
    link().die(1006)
    now += 121_000
    await tick(750)
    expect(ticket).toHaveBeenCalledTimes(2)
  })

  it.each([[4001, 'auth'], [4003, 'replaced'], [4004, 'protocol'], [4012, 'suspended']] as const)('stops for good on %i', async (code, reason) => {
    const { link, links, online, tick, states } = setup()
    await online()
    link().die(code)
    await tick(120_000)
    expect(states.at(-1)).toEqual({ kind: 'stopped', reason })
    expect(links).toHaveLength(1)
  })

  it('obeys bye: spreads its return over the delay', async () => {
    const { link, links, online, tick } = setup()
    await online()
    link().say({ op: 'bye', d: { code: 4010, reconnect: true, delay_ms: 10_000, reason: 'draining' } })
    link().die(4010)
    await tick(4999)
    expect(links).toHaveLength(1)
    await tick(1)
    expect(links).toHaveLength(2)
  })

  it('stays away when bye says so', async () => {
    const { link, online, states } = setup()
    await online()
    link().say({ op: 'bye', d: { code: 4010, reconnect: false, delay_ms: 0, reason: 'gone' } })
    link().die(4010)
    expect(states.at(-1)).toEqual({ kind: 'stopped', reason: 'refused' })
  })

  it('waits longer after each failure, at most 15 s', async () => {
    const { client, link, tick, states } = setup()
    client.start()
    await tick()
    const waits: number[] = []
    for (let n = 0; n < 6; n += 1) {
      const at = Date.now()
      link().die(1006)
      const state = states.at(-1)
      if (state?.kind !== 'waiting') throw new Error('not waiting')
      waits.push(state.until - at)
      await tick(state.until - at)
    }
    expect(waits).toEqual([750, 1500, 3000, 6000, 11_250, 11_250])
  })

  it('beats first after a random share of the interval, then regularly, and drops a silent link', async () => {
    const { link, links, online, tick, states } = setup()
    await online()
    const pings = () => link().sent.filter((frame) => frame.op === 'ping').length
    await tick(12_499)
    expect(pings()).toBe(0)
    await tick(1)
    expect(pings()).toBe(1)
    link().say({ op: 'pong' })
    await tick(25_000)
    expect(pings()).toBe(2)
    await tick(75_000)
    expect(states.some((state) => state.kind === 'waiting')).toBe(true)
    expect(links.length).toBeGreaterThan(1)
  })

  it('answers pings, passes pushes on, understands batches', async () => {
    const { link, online, pushes } = setup()
    await online()
    link().onmessage?.({ data: JSON.stringify([{ op: 'ping' }, { op: 'conv.gone', d: { conv: 'c9' } }]) })
    expect(link().last('pong')).toBeDefined()
    expect(pushes).toEqual([{ op: 'conv.gone', d: { conv: 'c9' } }])
  })

  it('finds out quickly that a link is dead when the network hints at it', async () => {
    const { client, link, links, online, tick } = setup()
    await online()
    await tick(10)
    client.nudge()
    expect(link().last('ping')).toBeDefined()
    await tick(4001)
    expect(links).toHaveLength(2)
  })

  it('does not hear a dead link any more', async () => {
    const { links, link, online, tick, pushes } = setup()
    await online()
    const old = link()
    const heard = old.onmessage
    old.die(1006)
    await tick(750)
    expect(old.onmessage).toBeNull()
    heard?.({ data: JSON.stringify({ op: 'conv.gone', d: { conv: 'c1' } }) })
    expect(pushes).toEqual([])
    expect(links).toHaveLength(2)
  })

  it('asks for a sign-in when the ticket source does, and retries when it merely fails', async () => {
    const away = setup({ ticket: () => Promise.reject(new SignInNeeded()) })
    away.client.start()
    await away.tick()
    expect(away.states.at(-1)).toEqual({ kind: 'stopped', reason: 'auth' })
    const broken = setup({ ticket: () => Promise.reject(new Error('network')) })
    broken.client.start()
    await broken.tick()
    expect(broken.states.at(-1)).toMatchObject({ kind: 'waiting' })
  })
})
