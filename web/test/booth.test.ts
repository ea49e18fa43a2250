import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { begun, booth, call, devices, ring, snapshot, standing } from './booth'
import { legs } from './leg'

vi.mock('../src/rtc/leg', async () => ({ Leg: (await import('./leg')).FakeLeg }))

const VIDEO = { audio: true, video: true }
const joined = (over = {}) => ({ call: call({ device: 'd1', ...over }), side: 'agent', ice_servers: [] })
let browser: ReturnType<typeof devices>

beforeEach(() => {
  vi.useFakeTimers()
  legs.length = 0
  browser = devices()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** An agent who calls and hears it ring. */
async function calling() {
  const at = booth('agent')
  void at.booth.invite(VIDEO, 's1')
  await at.settle()
  await at.answer('call.invite', joined())
  expect(at.state.phase).toBe('calling')
  return at
}

/** Somebody in the middle of a call. */
async function talking(side: 'agent' | 'contact' = 'agent', over = {}) {
  const at = booth(side)
  await at.push({ op: 'call.start', d: begun(over, side) })
  legs[0]?.connect()
  await at.push({ op: 'call.state', d: call({ v: 3, state: 'connected', device: 'd1', ...over }) })
  expect(at.state.phase).toBe('talking')
  return at
}

describe('somebody who has called thinks better of it', () => {
  it('and hangs up when the gateway takes no cancelling any more', async () => {
    const at = await calling()
    void at.booth.hangUp()
    await at.settle()
    expect(browser.live()).toEqual([])
    await at.refuse('call.cancel', 'bad_request')
    expect(at.told('call.hangup')).toEqual([{ call_id: 'w1' }])
    expect(at.state.refusal).toBeUndefined()
  })

  it('and the answer of the other side opens no device', async () => {
    const at = await calling()
    void at.booth.hangUp()
    await at.settle()
    const { length } = browser.opened
    await at.push({ op: 'call.start', d: begun() })
    await at.push({ op: 'call.state', d: call({ v: 3, state: 'connecting', device: 'd1' }) })
    await at.refuse('call.cancel', 'bad_request')
    await at.answer('call.hangup')
    expect(at.told('call.hangup')).toHaveLength(1)
    expect(browser.opened).toHaveLength(length)
    expect(legs).toEqual([])
    expect(at.state.phase).toBe('ended')
  })

  it('before the gateway has said which call it is', async () => {
    const at = booth('agent')
    void at.booth.invite(VIDEO, 's1')
    await at.settle()
    void at.booth.hangUp()
    await at.answer('call.invite', joined())
    expect(at.told('call.hangup')).toEqual([{ call_id: 'w1' }])
    await at.push({ op: 'call.start', d: begun() })
    expect(browser.live()).toEqual([])
    expect(at.state.phase).toBe('none')
  })

  it('and is answered before they know of their own invitation', async () => {
    const at = booth('agent')
    void at.booth.invite(VIDEO, 's1')
    await at.settle()
    void at.booth.hangUp()
    const { length } = browser.opened
    await at.push({ op: 'call.start', d: begun() })
    await at.answer('call.invite', joined({ state: 'connecting' }))
    expect(at.told('call.hangup')).toEqual([{ call_id: 'w1' }])
    expect(browser.opened).toHaveLength(length)
    expect(legs).toEqual([])
  })

  it('while the browser still asks for the camera', async () => {
    browser.ways.asks = true
    const at = booth('agent')
    void at.booth.invite(VIDEO, 's1')
    await at.settle()
    void at.booth.hangUp()
    browser.allow()
    await at.settle()
    expect(at.told('call.invite')).toEqual([])
    expect(browser.opened).toHaveLength(2)
    expect(browser.live()).toEqual([])
  })

  it('and calls again: the first answer does not pass for the second', async () => {
    const at = booth('agent')
    void at.booth.invite(VIDEO, 's1')
    await at.settle()
    void at.booth.hangUp()
    void at.booth.invite(VIDEO, 's1')
    await at.settle()
    await at.answer('call.invite', joined())
    expect(at.told('call.hangup')).toEqual([{ call_id: 'w1' }])
    expect(at.state.phase).toBe('preparing')
    await at.answer('call.invite', joined({ call_id: 'w2' }))
    expect(at.state.call?.call_id).toBe('w2')
  })

  it('without a link: the invitation that got through is hung up with the next one', async () => {
    const at = booth('agent')
    void at.booth.invite(VIDEO, 's1')
    await at.settle()
    void at.booth.hangUp()
    await at.refuse('call.invite', 'disconnected', true)
    at.booth.ready(standing({ live: snapshot({ state: 'ringing' }) }))
    await at.settle()
    expect(at.told('call.hangup')).toEqual([{ call_id: 'w1' }])
    expect(browser.live()).toEqual([])
  })
})

describe('somebody who has accepted thinks better of it', () => {
  async function accepting() {
    const at = booth('contact')
    await at.push({ op: 'call.ring', d: ring() })
    void at.booth.accept()
    await at.settle()
    return at
  }

  it('and the call that begins all the same is hung up without a device', async () => {
    const at = await accepting()
    void at.booth.reject()
    await at.settle()
    const { length } = browser.opened
    await at.push({ op: 'call.start', d: begun({}, 'contact') })
    await at.answer('call.accept', joined({ v: 2, state: 'connecting' }))
    await at.refuse('call.reject', 'call_gone')
    expect(at.told('call.hangup')).toEqual([{ call_id: 'w1' }])
    await at.answer('call.hangup')
    expect(browser.opened).toHaveLength(length)
    expect(browser.live()).toEqual([])
    expect(legs).toEqual([])
  })

  it('without a link: it does not ring again, and nobody answers for them', async () => {
    const at = await accepting()
    await at.refuse('call.accept', 'disconnected', true)
    expect(at.state.phase).toBe('ringing')
    at.link.online = false
    void at.booth.reject()
    await at.settle()
    at.link.online = true
    at.booth.ready(standing({ ringing: ring() }))
    await at.settle()
    expect(at.told('call.reject')).toEqual([{ call_id: 'w1', reason: 'declined' }])
    expect(at.told('call.accept')).toHaveLength(1)
    expect(at.state.phase).toBe('none')
    expect(browser.live()).toEqual([])
  })

  it('without a link: the call that was accepted before is hung up with the next one', async () => {
    const at = await accepting()
    await at.refuse('call.accept', 'disconnected', true)
    at.link.online = false
    void at.booth.reject()
    at.link.online = true
    const { length } = browser.opened
    at.booth.ready(standing({ live: snapshot({ state: 'connecting' }, 'contact') }))
    await at.settle()
    expect(at.told('call.hangup')).toEqual([{ call_id: 'w1' }])
    expect(browser.opened).toHaveLength(length)
  })
})

describe('the end of a call', () => {
  it('is told in the words of the gateway when both hang up', async () => {
    const at = await talking()
    void at.booth.hangUp()
    await at.settle()
    await at.refuse('call.hangup', 'call_gone')
    await at.answer('call.state', call({ v: 9, state: 'ended', end: { reason: 'hangup_contact', by: 'contact', at: '', talk_ms: 4000 } }))
    expect(at.state.end).toEqual({ reason: 'hangup_contact', talkMs: 4000 })
  })

  it('lets a camera go that opens after it', async () => {
    const at = await talking('agent', { media: { audio: true, video: false } })
    browser.ways.asks = true
    await at.push({ op: 'call.state', d: call({ v: 4, state: 'connected', device: 'd1' }) })
    void at.booth.hangUp()
    browser.allow()
    await at.settle()
    expect(browser.opened.map(({ kind }) => kind)).toEqual(['audio', 'video'])
    expect(browser.live()).toEqual([])
  })
})

describe('what both sides see of each other', () => {
  it('knows that a camera is on again after a downgrade', async () => {
    const at = await talking()
    at.booth.mute('video', true)
    await at.push({ op: 'call.state', d: call({ v: 4, state: 'connected', media: { audio: true, video: false }, device: 'd1' }) })
    await at.push({ op: 'call.state', d: call({ v: 5, state: 'connected', device: 'd1' }) })
    expect(at.told('call.mute').at(-1)).toEqual({ call_id: 'w1', audio: false, video: false })
    expect(browser.live()).toEqual(['audio', 'video'])
  })

  it('learns that a camera which was agreed on is not there', async () => {
    const at = await talking('agent', { media: { audio: true, video: false } })
    browser.ways.hasCamera = false
    await at.push({ op: 'call.state', d: call({ v: 4, state: 'connected', device: 'd1' }) })
    expect(at.told('call.mute')).toEqual([{ call_id: 'w1', audio: false, video: true }])
    expect(at.state.trouble).toEqual({ what: 'none_found', of: 'video' })
  })

  it('begins anew with another agent', async () => {
    const at = await talking('contact')
    await at.push({ op: 'call.mute', d: { call_id: 'w1', side: 'agent', audio: true, video: false } })
    await at.push({ op: 'call.record', d: { call_id: 'w1' } })
    await at.push({ op: 'call.start', d: begun({ v: 6, leg: 2 }, 'contact') })
    expect(at.state.peerMuted).toEqual({ audio: false, video: false })
    expect(at.state.asked.record).toBe(false)
    expect(legs).toHaveLength(2)
  })

  it('takes who is muted from a snapshot', async () => {
    const at = await talking()
    at.booth.ready(standing({ live: snapshot({ v: 3, peer: { n: 0, ice: [], muted: { audio: true, video: false } } }) }))
    expect(at.state.peerMuted.audio).toBe(true)
  })

  it('knows of no screen that an earlier page has shown', async () => {
    const at = booth('agent')
    at.booth.ready(standing({ live: snapshot({ screen: true }) }))
    await at.settle()
    expect(at.told('call.screen')).toEqual([{ call_id: 'w1', on: false }])
  })
})
