import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Claims } from '../src/rtc/claims'
import { PieceCarrier, type Freight, type Recording } from '../src/rtc/pieces'
import { memory } from './store'

/** A browser with locks: what a page has claimed is free again when it closes. */
function browser() {
  const taken = new Map<string, object>()
  return () => {
    const page = {}
    const claims: Claims = {
      certain: true,
      take: (id) => {
        if (taken.has(id)) return Promise.resolve(undefined)
        taken.set(id, page)
        return Promise.resolve(() => void taken.delete(id))
      },
    }
    const close = () => {
      for (const [id, owner] of taken) if (owner === page) taken.delete(id)
    }
    return { claims, close }
  }
}

/** Pages that cannot see each other. */
const blind: Claims = { certain: false, take: () => Promise.resolve(() => undefined) }

const recording = (over: Partial<Recording> = {}): Recording => ({ id: 'r1', call: 'w1', type: 'video/webm', began: Date.now(), pieces: 0, ...over })
const blob = new Blob(['x'])

function freight(failures = 0) {
  const sent: string[] = []
  const ship: Freight = {
    piece: (_recording, seq) => (failures-- > 0 ? Promise.reject(new Error('offline')) : (sent.push(String(seq)), Promise.resolve(true))),
    finish: ({ pieces, ms }) => (sent.push(`finish ${pieces} ${ms}`), Promise.resolve(true)),
  }
  return { sent, ship }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('pieces of a recording', () => {
  it('arrive in order, however often the network fails, and then leave the device', async () => {
    const store = memory()
    const { sent, ship } = freight(3)
    const carrier = new PieceCarrier(store, ship, browser()().claims, () => 0)
    const one = recording()
    await carrier.begin(one)
    for (let n = 0; n < 3; n += 1) await carrier.add(one, blob)
    one.ms = 12_000
    await carrier.end(one)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(sent).toEqual(['0', '1', '2', 'finish 3 12000'])
    expect(store.left()).toBe(0)
    expect(carrier.inHand).toBe(0)
  })

  it('outlive the page: the next one finishes what is left', async () => {
    const store = memory()
    const page = browser()
    const first = page()
    const dead = new PieceCarrier(store, freight(99).ship, first.claims, () => 0)
    const one = recording()
    await dead.begin(one)
    await dead.add(one, blob)
    await dead.add(one, blob)
    dead.stop()
    first.close()
    const { sent, ship } = freight()
    await new PieceCarrier(store, ship, page().claims).recover()
    await vi.advanceTimersByTimeAsync(1000)
    expect(sent).toEqual(['0', '1', 'finish 2 10000'])
    expect(store.left()).toBe(0)
  })

  it('wait for the agent who recorded them, and are let go after a day', async () => {
    const store = memory()
    const page = browser()
    const first = page()
    const stranger = { piece: vi.fn(() => Promise.resolve(false)), finish: () => Promise.resolve(false) }
    const carrier = new PieceCarrier(store, stranger, first.claims)
    const one = recording()
    await carrier.begin(one)
    await carrier.add(one, blob)
    one.ms = 5000
    await carrier.end(one)
    await vi.advanceTimersByTimeAsync(1000)
    const tries = stranger.piece.mock.calls.length
    await carrier.recover()
    await vi.advanceTimersByTimeAsync(1000)
    expect(stranger.piece).toHaveBeenCalledTimes(tries)
    expect(store.left()).toBe(2)
    first.close()
    vi.setSystemTime(Date.now() + 25 * 3_600_000)
    await new PieceCarrier(store, stranger, page().claims).recover()
    await vi.advanceTimersByTimeAsync(1000)
    expect(store.left()).toBe(0)
  })
})

it('a recording that ended before its first piece leaves the device', async () => {
  const store = memory()
  const { sent, ship } = freight()
  const carrier = new PieceCarrier(store, ship, browser()().claims)
  const one = recording()
  await carrier.begin(one)
  one.ms = 100
  await carrier.end(one)
  await vi.advanceTimersByTimeAsync(1000)
  expect(sent).toEqual([])
  expect(store.left()).toBe(0)
})

describe('a second page of the same browser', () => {
  /** One page records, another one is opened in the middle of it. */
  async function two(claims: () => Claims) {
    const store = memory()
    const [ours, theirs] = [freight(), freight()]
    const first = new PieceCarrier(store, ours.ship, claims())
    const one = recording()
    await first.begin(one)
    await first.add(one, blob)
    const second = new PieceCarrier(store, theirs.ship, claims())
    await second.recover()
    await vi.advanceTimersByTimeAsync(5000)
    return { first, second, one, ours: ours.sent, theirs: theirs.sent, store }
  }

  it('leaves alone what the first one records', async () => {
    const page = browser()
    const { first, one, ours, theirs, store } = await two(() => page().claims)
    await first.add(one, blob)
    one.ms = 9000
    await first.end(one)
    await vi.advanceTimersByTimeAsync(1000)
    expect(theirs).toEqual([])
    expect(ours).toEqual(['0', '1', 'finish 2 9000'])
    expect(store.left()).toBe(0)
  })

  it('leaves it alone without locks as well, for as long as it may be alive', async () => {
    const { second, theirs } = await two(() => blind)
    expect(theirs).toEqual([])
    vi.setSystemTime(Date.now() + 70_000)
    await second.recover()
    await vi.advanceTimersByTimeAsync(1000)
    expect(theirs).toEqual(['finish 1 5000'])
  })

  it('carries on when the first one is gone', async () => {
    const page = browser()
    const store = memory()
    const first = page()
    const one = recording()
    const dead = new PieceCarrier(store, freight(99).ship, first.claims, () => 0)
    await dead.begin(one)
    await dead.add(one, blob)
    const { sent, ship } = freight()
    const second = new PieceCarrier(store, ship, page().claims)
    await second.recover()
    expect(sent).toEqual([])
    dead.stop()
    first.close()
    await second.recover()
    await vi.advanceTimersByTimeAsync(1000)
    expect(sent).toEqual(['0', 'finish 1 5000'])
  })
})

it('a piece that the device cannot keep leaves no hole', async () => {
  const store = memory()
  const { sent, ship } = freight()
  const carrier = new PieceCarrier(store, ship, browser()().claims)
  const one = recording()
  await carrier.begin(one)
  await carrier.add(one, blob)
  const { put } = store
  store.put = () => Promise.reject(new Error('the disk is full'))
  await expect(carrier.add(one, blob)).rejects.toThrow('full')
  store.put = put
  one.ms = 5000
  await carrier.end(one)
  await vi.advanceTimersByTimeAsync(1000)
  expect(sent).toEqual(['0', 'finish 1 5000'])
})
