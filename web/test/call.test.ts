import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loudness } from '../src/rtc/devices'
import { AGAIN_MS, Mender, SHAKEN_MS } from '../src/rtc/mender'
import { pathOf } from '../src/rtc/path'
import { momentOf, qualityOf, sampleOf, type Moment } from '../src/rtc/quality'
import { recordable } from '../src/rtc/state'
import { troubleOf, unable } from '../src/rtc/trouble'
import { callEvent, endText, troubleText } from '../src/text/calls'

describe('mender', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function setup() {
    const heard: string[] = []
    const mender = new Mender({ connectingMs: 15_000, reconnectingMs: 20_000, restart: () => heard.push('restart'), became: (media) => heard.push(media), over: (reason) => heard.push(reason) })
    mender.start()
    return { mender, heard }
  }

  it('gives up by the wall clock when the browser never says that it failed', () => {
    const { heard } = setup()
    vi.advanceTimersByTime(15_000)
    expect(heard).toEqual(['ice_failed'])
  })

  it('waits three seconds for a connection that shakes, and restarts then', () => {
    const { mender, heard } = setup()
    mender.heard('connected')
    mender.heard('disconnected')
    vi.advanceTimersByTime(SHAKEN_MS - 1)
    expect(heard).toEqual(['connected'])
    vi.advanceTimersByTime(1)
    expect(heard).toEqual(['connected', 'reconnecting', 'restart'])
    mender.heard('connected')
    vi.advanceTimersByTime(60_000)
    expect(heard).toEqual(['connected', 'reconnecting', 'restart', 'connected'])
  })

  it('leaves alone what comes back by itself', () => {
    const { mender, heard } = setup()
    mender.heard('connected')
    mender.heard('disconnected')
    vi.advanceTimersByTime(SHAKEN_MS - 1)
    mender.heard('connected')
    vi.advanceTimersByTime(60_000)
    expect(heard).toEqual(['connected'])
  })

  it('restarts at once when it failed, again after a while, and is over after twenty seconds', () => {
    const { mender, heard } = setup()
    mender.heard('connected')
    mender.heard('failed')
    expect(heard).toEqual(['connected', 'reconnecting', 'restart'])
    vi.advanceTimersByTime(AGAIN_MS)
    expect(heard.at(-1)).toBe('restart')
    vi.advanceTimersByTime(20_000 - AGAIN_MS)
    expect(heard.filter((one) => one === 'lost')).toHaveLength(1)
  })

  it('restarts with another network, and not before there was a connection', () => {
    const { mender, heard } = setup()
    mender.networkChanged()
    expect(heard).toEqual([])
    mender.heard('connected')
    mender.networkChanged()
    expect(heard).toEqual(['connected', 'restart'])
  })
})

describe('quality', () => {
  const moment = (over: Partial<Moment>): Moment => ({ at: 0, received: 0, lost: 0, bytes: 0, frames: 0, ...over })

  it('reads the numbers of a stats report', () => {
    const reports = [
      { id: 't', type: 'transport', selectedCandidatePairId: 'p' }, { id: 'p', type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r', currentRoundTripTime: 0.0423 },
      { id: 'l', type: 'local-candidate', candidateType: 'relay', protocol: 'udp', relayProtocol: 'tcp' }, { id: 'r', type: 'remote-candidate', candidateType: 'host' },
      { id: 'a', type: 'inbound-rtp', kind: 'audio', packetsReceived: 90, packetsLost: 10, bytesReceived: 5000, jitter: 0.004 },
      { id: 'v', type: 'inbound-rtp', kind: 'video', packetsReceived: 100, packetsLost: -1, bytesReceived: 20_000, framesDecoded: 60, framesPerSecond: 20, frameWidth: 320, frameHeight: 240 },
    ]
    const now = momentOf(reports, 10_000)
    expect(now).toEqual({ at: 10_000, rttMs: 42.3, jitterMs: 4, received: 190, lost: 10, bytes: 25_000, frames: 60, fps: 20, width: 320, height: 240, pair: { local: 'relay', remote: 'host', proto: 'tcp' } })
    expect(sampleOf(moment({}), now)).toEqual({ rtt_ms: 42.3, jitter_ms: 4, loss: 0.05, kbps: 20, fps: 20, res: '320x240', pair: { local: 'relay', remote: 'host', proto: 'tcp' } })
  })

  it('says in a word how it is', () => {
    const before = moment({ received: 100 })
    expect(qualityOf(before, moment({ received: 200 }), true)).toBe('good')
    expect(qualityOf(before, moment({ received: 200, lost: 5 }), true)).toBe('fair')
    expect(qualityOf(before, moment({ received: 200, rttMs: 900 }), true)).toBe('poor')
    expect(qualityOf(before, moment({ received: 100 }), true)).toBe('none')
    expect(qualityOf(before, moment({ received: 100 }), false)).toBe('good')
  })
})

it('nothing can be recorded where the tenant does not say how', () => {
  const where = (record: 'none' | 'client') => recordable({ allowed: { may_start: true, video: true, record } })
  expect([where('client'), where('none'), recordable({ allowed: undefined })]).toEqual([true, false, false])
})

describe('words about calls', () => {
  it('tell what keeps us from a device and what to do', () => {
    const named = (name: string, message = '') => troubleOf(Object.assign(new Error(message), { name }))
    expect([named('NotAllowedError'), named('NotAllowedError', 'Permission denied by system'), named('NotFoundError'), named('NotReadableError'), named('Strange')]).toEqual(['denied', 'system', 'none_found', 'in_use', 'unknown'])
    expect(unable({ agent: 'Mozilla/5.0 MicroMessenger/8.0', hasApi: false })).toBe('wechat')
    expect(unable({ agent: 'Mozilla/5.0', hasApi: false })).toBe('unsupported')
    expect(unable({ agent: 'Mozilla/5.0 MicroMessenger/8.0', hasApi: true })).toBeUndefined()
    expect(troubleText({ what: 'denied', of: 'video' }, 'zh')).toContain('摄像头')
    expect(troubleText({ what: 'wechat', of: 'audio' }, 'en')).toContain('browser')
  })

  it('tell each side how a call ended, and the conversation as well', () => {
    expect(endText('hangup_agent', 'agent', 'zh')).toBe('您已挂断')
    expect(endText('hangup_agent', 'contact', 'zh')).toBe('客服已挂断')
    expect(callEvent('call.started', { media: { audio: true, video: true } }, 'zh')).toBe('视频通话已接通')
    expect(callEvent('call.ended', { media: { audio: true, video: false }, reason: 'hangup_contact', talk_ms: 65_000 }, 'zh')).toBe('语音通话结束 · 1:05 · 客户已挂断')
    expect(callEvent('call.ended', { media: { audio: true, video: false }, reason: 'no_answer', talk_ms: 0 }, 'en')).toBe('Voice call not connected · No answer')
    expect(callEvent('session.ended', {}, 'zh')).toBeUndefined()
  })

  it('tell the ways through the network', () => {
    expect(pathOf(new Set(['host', 'relay']), true)).toBe('direct')
    expect(pathOf(new Set(['relay']), true)).toBe('relay')
    expect(pathOf(new Set(['host']), true)).toBe('norelay')
    expect(pathOf(new Set(), true)).toBe('none')
    expect(pathOf(new Set(['host']), false)).toBe('unset')
  })

  it('show quiet speech as something', () => {
    expect(loudness(new Float32Array(64))).toBe(0)
    expect(loudness(new Float32Array(64).fill(0.05))).toBeGreaterThan(0.3)
    expect(loudness(new Float32Array(64).fill(1))).toBe(1)
  })
})
