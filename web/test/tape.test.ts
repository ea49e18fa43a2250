import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Broken } from '../src/rtc/tape'
import type { Call, Side } from '../src/wire/calls'
import { begun, booth, call, devices, snapshot, standing } from './booth'
import { legs } from './leg'

vi.mock('../src/rtc/leg', async () => ({ Leg: (await import('./leg')).FakeLeg }))

beforeEach(() => {
  vi.useFakeTimers()
  legs.length = 0
  devices()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** Remembers what it was told, and can break. */
function recorder() {
  const told: string[] = []
  const broken: ((why: Broken) => void)[] = []
  return {
    told, broken,
    begin: (_call: string, recording: string, _booth: object, broke: (why: Broken) => void) => {
      told.push(recording)
      broken.push(broke)
    },
    end: () => void (told.at(-1) !== 'end' && told.length && told.push('end')),
  }
}

async function talking(side: Side = 'agent') {
  const tape = recorder()
  const at = booth(side, side === 'agent' ? tape : undefined)
  await at.push({ op: 'call.start', d: begun({}, side) })
  legs[0]?.connect()
  let v = 2
  const state = (over: Partial<Call>) => at.push({ op: 'call.state', d: call({ v: ++v, state: 'connected', device: 'd1', ...over }) })
  await state({})
  tape.told.length = 0
  return { ...at, tape, shows: state }
}

const ON = { recording: true, recording_id: 'r1' }

describe('the question whether a call may be recorded', () => {
  it('comes to the customer with any snapshot, and goes with any', async () => {
    const at = await talking('contact')
    await at.shows({ record_asked: true })
    expect(at.state.asked.record).toBe(true)
    await at.shows({ record_asked: false })
    expect(at.state.asked.record).toBe(false)
    at.booth.ready(standing({ live: snapshot({ v: 9, record_asked: true }, 'contact') }))
    expect(at.state.asked.record).toBe(true)
    await at.shows({ v: 10 })
    expect(at.state.asked.record).toBe(false)
  })

  it('keeps the agent waiting only as long as it is open', async () => {
    const at = await talking()
    await at.shows({ record_asked: true })
    expect([at.state.waiting.record, at.state.asked.record]).toEqual([true, false])
    await at.shows({ record_asked: false })
    expect(at.state.waiting.record).toBe(false)
  })
})

describe('a recording', () => {
  it('begins by a snapshot when the word to begin went lost, and once only', async () => {
    const at = await talking()
    await at.shows(ON)
    expect(at.tape.told).toEqual(['r1'])
    await at.push({ op: 'call.recording', d: { call_id: 'w1', on: true, recording: 'r1' } })
    await at.shows(ON)
    expect(at.tape.told).toEqual(['r1'])
    expect(at.told('call.record')).toEqual([])
  })

  it('begins when the link is back, where the answer came without one', async () => {
    const at = await talking()
    at.booth.ready(standing({ live: snapshot({ v: 9, ...ON }) }))
    expect(at.tape.told).toEqual(['r1'])
  })

  it('of an earlier page is stopped, and never begun again under its name', async () => {
    const tape = recorder()
    const at = booth('agent', tape)
    at.booth.ready(standing({ live: snapshot({ v: 4, ...ON }) }))
    await at.settle()
    expect(at.told('call.record')).toEqual([{ call_id: 'w1', on: false }])
    expect(at.state.notice).toBe('record_cut')
    await at.push({ op: 'call.state', d: call({ v: 5, state: 'connected', device: 'd1', ...ON }) })
    expect(tape.told).toEqual([])
  })

  it('that breaks is stopped for both sides, and the agent learns why', async () => {
    const at = await talking()
    await at.push({ op: 'call.recording', d: { call_id: 'w1', on: true, recording: 'r1' } })
    at.tape.broken[0]?.('record_broken')
    expect(at.told('call.record')).toEqual([{ call_id: 'w1', on: false }])
    expect(at.state.notice).toBe('record_broken')
  })

  it('that broke without a link is stopped with the next one', async () => {
    const at = await talking()
    await at.shows(ON)
    at.link.online = false
    at.tape.broken[0]?.('record_unkept')
    await at.settle()
    at.link.online = true
    at.booth.ready(standing({ live: snapshot({ v: 9, ...ON }) }))
    expect(at.told('call.record')).toEqual([{ call_id: 'w1', on: false }])
    expect(at.tape.told).toEqual(['r1'])
  })

  it('ends when the gateway knows of none, and not by a snapshot from before it began', async () => {
    const at = await talking()
    await at.push({ op: 'call.recording', d: { call_id: 'w1', on: true, recording: 'r1' } })
    await at.shows({})
    await at.answer('call.state', snapshot({ v: 8, ...ON }))
    expect(at.tape.told).toEqual(['r1'])
    await at.shows({ v: 9 })
    await at.answer('call.state', snapshot({ v: 9 }))
    expect(at.tape.told).toEqual(['r1', 'end'])
  })
})
