import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Batch, BATCH_MOST, BATCH_MS } from '../src/rtc/batch'
import { Signals, type Signal } from '../src/rtc/signals'
import { FrameError } from '../src/wire/client'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A gateway that takes what it is told to, and remembers the numbers. */
function gateway() {
  const seen: number[] = []
  const answers: (Error | undefined)[] = []
  const refused: string[] = []
  const carry = vi.fn((signal: Signal) => {
    const answer = answers.shift()
    if (answer) return Promise.reject(answer)
    seen.push(signal.n)
    return Promise.resolve({})
  })
  const signals = new Signals(carry, (code) => refused.push(code))
  const settle = () => vi.advanceTimersByTimeAsync(0)
  return { signals, seen, answers, refused, carry, settle }
}

describe('signals', () => {
  it('numbers what goes out and sends one at a time, in order', async () => {
    const { signals, seen, settle } = gateway()
    for (let n = 0; n < 3; n += 1) signals.send('call.ice', {})
    await settle()
    expect(seen).toEqual([1, 2, 3])
    expect(signals.idle).toBe(true)
  })

  it('repeats with the same number what got no answer, and holds the rest back until then', async () => {
    const { signals, seen, answers, settle } = gateway()
    answers.push(new FrameError('disconnected', '', true))
    signals.send('call.desc', {})
    signals.send('call.ice', {})
    await settle()
    expect(seen).toEqual([])
    signals.resume(0)
    await settle()
    expect(seen).toEqual([1, 2])
  })

  it('tries again by itself after a refusal that may pass', async () => {
    const { signals, seen, answers, settle } = gateway()
    answers.push(new FrameError('rate_limited', '', true, 300))
    signals.send('call.ice', {})
    await settle()
    await vi.advanceTimersByTimeAsync(299)
    expect(seen).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(seen).toEqual([1])
  })

  it('gives up what is refused for good and goes on with the rest', async () => {
    const { signals, seen, answers, refused, settle } = gateway()
    answers.push(new FrameError('too_large', '', false))
    signals.send('call.desc', {})
    signals.send('call.ice', {})
    await settle()
    expect(seen).toEqual([2])
    expect(refused).toEqual(['too_large'])
  })

  it('tells the gateway again what a node took and lost', async () => {
    const { signals, seen, settle } = gateway()
    for (let n = 0; n < 4; n += 1) signals.send('call.ice', {})
    await settle()
    signals.resume(2)
    await settle()
    expect(seen).toEqual([1, 2, 3, 4, 3, 4])
  })

  it('goes on counting where an earlier page stopped, and hears each number once', async () => {
    const { signals, seen, settle } = gateway()
    signals.continueFrom(7)
    signals.deaf(5)
    signals.send('call.desc', {})
    await settle()
    expect(seen).toEqual([8])
    expect([5, 6, 6, 4, 7].map((n) => signals.fresh(n))).toEqual([false, true, false, false, true])
  })
})

describe('batch', () => {
  it('hands on ten at once, and fewer after a moment', async () => {
    const out: number[][] = []
    const batch = new Batch<number>((items) => out.push(items))
    for (let n = 0; n < BATCH_MOST + 2; n += 1) batch.add(n)
    expect(out.map((one) => one.length)).toEqual([BATCH_MOST])
    await vi.advanceTimersByTimeAsync(BATCH_MS)
    expect(out.map((one) => one.length)).toEqual([BATCH_MOST, 2])
    batch.add(1)
    batch.drop()
    await vi.advanceTimersByTimeAsync(BATCH_MS)
    expect(out).toHaveLength(2)
  })
})
