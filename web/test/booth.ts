/** A booth whose gateway, devices and connection are played by the test. */
import { vi } from 'vitest'
import { openBooth } from '../src/rtc/booth'
import type { Recorder } from '../src/rtc/tape'
import type { Call, CallStart, CallsState, LiveCall, Ring, Side } from '../src/wire/calls'
import { FrameError } from '../src/wire/client'

export class FakeTrack extends EventTarget {
  enabled = true
  readyState = 'live'
  constructor(readonly kind: 'audio' | 'video') {
    super()
  }
  stop(): void {
    this.readyState = 'ended'
  }
}

export class FakeStream {
  constructor(private readonly tracks: FakeTrack[] = []) {}
  getTracks = () => this.tracks
  getAudioTracks = () => this.tracks.filter(({ kind }) => kind === 'audio')
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === 'video')
}

/** A browser that opens whatever it is asked for, at once or when the test says so. */
export function devices() {
  const opened: FakeTrack[] = []
  const prompts: (() => void)[] = []
  const ways = { asks: false, hasCamera: true }
  const getUserMedia = async (wanted: { audio: unknown; video: unknown }) => {
    if (ways.asks) await new Promise<void>((allow) => prompts.push(allow))
    if (wanted.video && !ways.hasCamera) throw Object.assign(new Error(), { name: 'NotFoundError' })
    const tracks = (['audio', 'video'] as const).filter((kind) => wanted[kind]).map((kind) => new FakeTrack(kind))
    opened.push(...tracks)
    return new FakeStream(tracks)
  }
  vi.stubGlobal('navigator', { userAgent: 'test', mediaDevices: { getUserMedia: vi.fn(getUserMedia), getDisplayMedia: () => Promise.resolve(new FakeStream([new FakeTrack('video')])) } })
  vi.stubGlobal('RTCPeerConnection', vi.fn())
  vi.stubGlobal('MediaStream', FakeStream)
  return {
    ways, opened,
    /** Devices that run now. */
    live: () => opened.filter(({ readyState }) => readyState === 'live').map(({ kind }) => kind),
    allow: () => prompts.shift()?.(),
  }
}

const POLICY = { relay_only: false, record: 'client', connecting_s: 15, reconnecting_s: 20, max_s: 3600, held_max_s: 300, stats_s: 10 } as const
export const call = (over: Partial<Call> = {}): Call => ({
  v: 1, call_id: 'w1', conv: 'c1', session: 's1', state: 'inviting', leg: 1, direction: 'agent', media: { audio: true, video: true }, invited_at: new Date(0).toISOString(), held: false, screen: false, recording: false, ...over,
})
export const ring = (over: Partial<Call> = {}): Ring => ({ call: call(over), from: { side: 'agent', name: '小李' }, expires_at: new Date(Date.now() + 30_000).toISOString() })
export const begun = (over: Partial<Call> = {}, side: Side = 'agent'): CallStart => {
  const one = call({ v: 2, state: 'connecting', device: 'd1', ...over })
  return { call: one, side, polite: side === 'contact', leg: one.leg, ice_servers: [], policy: POLICY }
}
export const snapshot = (over: Partial<LiveCall> = {}, side: Side = 'agent'): LiveCall => ({
  ...call({ v: 2, state: 'connected', device: 'd1' }), side, polite: side === 'contact', ice_servers: [], policy: POLICY, mine: { n: 0 }, peer: { n: 0, ice: [], muted: { audio: false, video: false } }, ...over,
})
export const standing = (over: Partial<CallsState> = {}): CallsState => ({ may_start: true, video: true, record: 'client', ...over })

type Waiting = { op: string; d: Record<string, unknown>; resolve: (value: unknown) => void; reject: (error: Error) => void }

/** Answers nothing by itself but what has no answer to speak of. */
export function booth(side: Side, recorder?: Recorder) {
  const sent: { op: string; d: Record<string, unknown> }[] = []
  const waiting: Waiting[] = []
  const link = { online: true }
  const quiet = new Set(['call.ringing', 'call.mute', 'call.screen', 'call.record', 'call.connected', 'call.stats'])
  const one = openBooth({
    side, device: 'd1', storage: { get: () => undefined, set: () => undefined, keys: () => [] }, serverNow: () => Date.now(), online: () => link.online, ...(recorder && { record: recorder }),
    request: <T>(op: string, d: object = {}) => {
      if (!link.online) return Promise.reject(new FrameError('disconnected', 'away', true))
      sent.push({ op, d: { ...d } })
      if (quiet.has(op)) return Promise.resolve({} as T)
      return new Promise<T>((resolve, reject) => waiting.push({ op, d: { ...d }, resolve: resolve as (value: unknown) => void, reject }))
    },
  })
  const take = (op: string): Waiting => {
    const at = waiting.findIndex((asked) => asked.op === op)
    const [found] = at < 0 ? [] : waiting.splice(at, 1)
    if (!found) throw new Error(`nobody asks ${op}, but ${waiting.map((asked) => asked.op).join(' ') || 'nothing'}`)
    return found
  }
  const settle = () => vi.advanceTimersByTimeAsync(0)
  return {
    booth: one, state: one.state, link, settle,
    answer: async (op: string, value: object = {}) => (take(op).resolve(value), settle()),
    refuse: async (op: string, code: string, retry = false) => (take(op).reject(new FrameError(code, code, retry)), settle()),
    told: (op: string) => sent.filter((asked) => asked.op === op).map(({ d }) => d),
    push: async (push: Parameters<typeof one.onPush>[0]) => (one.onPush(push), settle()),
  }
}
