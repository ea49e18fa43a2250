import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Leg, type LegOptions } from '../src/rtc/leg'
import { FakeStream } from './booth'

/** What a connection has received so far, as its stats tell. */
let packets = 0

beforeEach(() => {
  vi.useFakeTimers()
  packets = 0
  vi.stubGlobal('window', new EventTarget())
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('RTCPeerConnection', class {
    connectionState = 'connected'
    signalingState = 'stable'
    addTrack = () => undefined
    close = () => undefined
    getTransceivers = () => []
    getStats = () => Promise.resolve(new Map([['a', { id: 'a', type: 'inbound-rtp', kind: 'audio', packetsReceived: packets, packetsLost: 0, bytesReceived: packets * 100 }]]))
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('on hold the silence is neither judged nor sampled, and afterwards it begins anew', async () => {
  const call = { held: false }
  const quality = vi.fn<LegOptions['quality']>()
  const sample = vi.fn<LegOptions['sample']>()
  const leg = new Leg({
    call: 'w1', leg: 1, side: 'contact', polite: true, iceServers: [], policy: { relay_only: false, record: 'none', connecting_s: 15, reconnecting_s: 20, max_s: 3600, held_max_s: 300, stats_s: 10 },
    own: () => new FakeStream() as unknown as MediaStream, request: () => Promise.reject(new Error('no gateway')), refresh: () => Promise.resolve(undefined), held: () => call.held,
    media: () => undefined, remote: () => undefined, quality, sample, over: () => undefined,
  })
  leg.mender.heard('connected')
  const talk = setInterval(() => (packets += call.held ? 0 : 50), 500)
  await vi.advanceTimersByTimeAsync(13_000)
  expect(sample).toHaveBeenCalledOnce()
  expect(quality).toHaveBeenLastCalledWith('good')

  call.held = true
  quality.mockClear()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(quality).not.toHaveBeenCalled()
  expect(sample).toHaveBeenCalledOnce()

  call.held = false
  await vi.advanceTimersByTimeAsync(13_000)
  expect(quality.mock.calls.flat().every((word) => word === 'good')).toBe(true)
  expect(sample.mock.calls.at(-1)?.[0].kbps).toBe(80)
  clearInterval(talk)
  leg.close()
})
