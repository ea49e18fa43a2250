/** The calls of one party on this device: what the gateway says and what the person does, as reactive state. Knows no component. */
import { computed, reactive } from 'vue'
import { FrameError } from '../wire/client'
import {
  takesPart, type Call, type CallJoined, type CallMedia, type CallPush, type CallsState, type CallStart, type EndReason, type LiveCall, type Ring, type Side,
} from '../wire/calls'
import type { Storage } from '../wire/store'
import { callActs } from './acts'
import { openKit } from './kit'
import { openLine } from './line'
import { fresh, type BoothState, type Phase } from './state'

/** How long the end stays on the screen. */
const ENDED_MS = 6000
/** After both have agreed, `call.start` may go lost: then it is asked for. */
const START_MS = 3000
/** In these both devices have a connection, or make one. */
const CONNECTED: ReadonlySet<string> = new Set(['connecting', 'connected', 'held', 'reconnecting'])

export interface BoothOptions {
  side: Side
  device: string
  storage: Storage
  /** Rejects with FrameError. */
  request: <T>(op: string, d?: object) => Promise<T>
  serverNow: () => number
  online: () => boolean
  /** A call begins to ring, here or there, or does so no more. */
  ringing?: (how: 'in' | 'out' | undefined) => void
  /** Recording begins or ends on this device. */
  record?: { begin: (call: string, recording: string, booth: BoothState) => void; end: () => void }
}

export type Booth = ReturnType<typeof openBooth>

export function openBooth(options: BoothOptions) {
  const { request, side } = options
  const state = reactive({ allowed: undefined, elsewhere: false, ...fresh() }) as BoothState
  /** Of the call that is known here, whatever was said of it. */
  let version = -1
  let missed: Ring | undefined
  /** Was accepted, and the gateway may not have heard. */
  let accepting: string | undefined
  /** Were hung up while the link was gone: they must not come back with it. */
  const left = new Set<string>()
  let clearing: ReturnType<typeof setTimeout> | undefined
  let starting: ReturnType<typeof setTimeout> | undefined

  const id = (): string => state.call?.call_id ?? ''
  const mine = (call: string): boolean => state.call?.call_id === call && state.phase !== 'ended'
  const kit = openKit({ state, storage: options.storage, leg: () => line.leg(), tell: (op, d) => quietly(op, { call_id: id(), ...d }) })
  const { prepare, release } = kit
  const line = openLine({
    state, kit, request, online: options.online, refresh: (call) => refresh(call), sample: (call, sample) => void quietly('call.stats', { call_id: call, ...sample }),
    over: (call, reason) => {
      if (!mine(call)) return
      if (reason === 'ice_failed') void hangUp('ice_failed')
      else ended(call, 'lost')
    },
  })
  const acts = callActs({ state, kit, tell: (op, d) => quietly(op, d), recordEnds: () => options.record?.end() })
  const codeOf = (error: unknown): string => (error instanceof FrameError ? error.code : 'internal')

  /** Calls the other side; for agents, the customer of a session. */
  async function invite(media: CallMedia, session?: string): Promise<boolean> {
    if (state.phase !== 'none' && state.phase !== 'ended') return false
    wipe()
    state.phase = 'preparing'
    if (!(await prepare(media))) return settle()
    if (state.phase !== 'preparing') return release(), false
    try {
      joined(await request<CallJoined>('call.invite', { media, ...(session && { session }) }))
      return true
    } catch (error) {
      return refused(error)
    }
  }

  async function accept(): Promise<boolean> {
    const { ring } = state
    if (!ring || state.phase !== 'ringing') return false
    state.phase = 'preparing'
    if (!(await prepare(ring.call.media))) {
      state.phase = still(ring) ? 'ringing' : 'none'
      return false
    }
    // The person may have thought better of it, or the caller.
    if ((state.phase as Phase) !== 'preparing') return release(), false
    try {
      joined(await request<CallJoined>('call.accept', { call_id: ring.call.call_id, media: ring.call.media }))
      return true
    } catch (error) {
      if (!(error instanceof FrameError && error.retry && still(ring))) return refused(error)
      // Said while the link was gone: it counts once that is back.
      accepting = ring.call.call_id
      if ((state.phase as Phase) === 'preparing') state.phase = 'ringing'
      return false
    }
  }

  const still = (ring: Ring): boolean => state.ring?.call.call_id === ring.call.call_id

  /** Not now; with a device that does not work, the caller hears so. */
  async function reject(): Promise<void> {
    const { ring, trouble } = state
    if (!ring) return
    settle()
    await quietly('call.reject', { call_id: ring.call.call_id, reason: trouble ? (trouble.what === 'unsupported' || trouble.what === 'wechat' ? 'unsupported' : 'no_permission') : 'declined' })
  }

  async function hangUp(reason?: 'media_denied' | 'ice_failed'): Promise<void> {
    const call = state.call
    if (!call || state.phase === 'ended') {
      if (state.phase === 'preparing') settle()
      return
    }
    if (!options.online()) left.add(call.call_id)
    else if (state.phase === 'calling') await quietly('call.cancel', { call_id: call.call_id })
    else await quietly('call.hangup', { call_id: call.call_id, ...(reason && { reason }) })
    // The gateway's word follows; without the gateway it is over all the same.
    if (mine(call.call_id)) ended(call.call_id, reason ?? (state.phase === 'calling' ? 'cancelled' : side === 'agent' ? 'hangup_agent' : 'hangup_contact'))
  }

  function joined({ call }: CallJoined): void {
    know(call)
    state.ring = undefined
    if (state.phase !== 'preparing') return
    state.phase = call.state === 'connecting' ? 'joining' : 'calling'
    options.ringing?.(state.phase === 'calling' ? 'out' : undefined)
    if (state.phase === 'joining') expectStart(call)
  }

  /** `call.start` may go lost on its way: then the snapshot tells as much. */
  function expectStart({ call_id: call, leg: number }: Call): void {
    clearTimeout(starting)
    starting = setTimeout(() => {
      if (!mine(call) || line.has(call, number) || state.phase === 'preparing') return
      void refresh(call).then((live) => live && mine(call) && !line.has(call, live.leg) && resume(live), () => undefined)
    }, START_MS)
  }

  async function start(from: CallStart): Promise<void> {
    clearTimeout(starting)
    const { call } = from
    if (!mine(call.call_id)) {
      if (state.phase === 'none' || state.phase === 'ended' || state.phase === 'ringing') wipe()
      // While it is being accepted, the answer to that may come later than this.
      else if (state.phase !== 'preparing') return
    }
    if (line.has(call.call_id, from.leg)) return
    know(call)
    state.ring = undefined
    options.ringing?.(undefined)
    state.phase = 'joining'
    // A call that came without ringing finds no open camera.
    if (!state.own && !(await prepare(call.media))) return void hangUp('media_denied')
    if (!mine(call.call_id)) return release()
    line.begin(from)
    if (state.muted.audio || state.muted.video) tellMuted()
  }

  function ended(call: string, reason: EndReason, talkMs?: number): void {
    if (!mine(call)) return
    options.record?.end()
    line.end()
    clearTimeout(starting)
    release()
    const began = Date.parse(state.call?.connected_at ?? '')
    state.end = { reason, talkMs: talkMs ?? (Number.isFinite(began) ? Math.max(0, options.serverNow() - began) : 0) }
    state.phase = 'ended'
    state.remote = undefined
    state.asked = { upgrade: false, record: false }
    options.ringing?.(undefined)
    // One that was talked in may be rated: it stays a little longer.
    clearing = setTimeout(() => state.phase === 'ended' && wipe(), state.end.talkMs > 0 ? ENDED_MS * 3 : ENDED_MS)
  }

  function wipe(): void {
    options.ringing?.(undefined)
    clearTimeout(clearing)
    clearTimeout(starting)
    line.end()
    release()
    version = -1
    Object.assign(state, fresh())
  }

  /** Nothing came of it: what is said about why stays. */
  function settle(): false {
    const { trouble, refusal, notice } = state
    wipe()
    Object.assign(state, { trouble, refusal, notice })
    // Somebody called while this person was about to call.
    if (missed && Date.parse(missed.expires_at) > options.serverNow()) ring(missed)
    missed = undefined
    return false
  }

  function refused(error: unknown): false {
    state.refusal = codeOf(error)
    return settle()
  }

  async function quietly(op: string, d: object): Promise<boolean> {
    try {
      await request(op, d)
      return true
    } catch (error) {
      const code = codeOf(error)
      // Gone means that it is over, which the gateway says by itself.
      if (code !== 'call_gone' && code !== 'not_found' && code !== 'disconnected') state.refusal = code
      return false
    }
  }

  async function refresh(call: string): Promise<LiveCall | undefined> {
    const live = await request<Call | LiveCall>('call.state', { call_id: call })
    if (!mine(call)) return undefined
    know(live)
    return takesPart(live) && live.state !== 'ended' ? live : undefined
  }

  /** The answer to signing in. */
  function ready(calls: CallsState | undefined): void {
    state.allowed = calls && { may_start: calls.may_start, video: calls.video, record: calls.record }
    line.offline()
    const live = calls?.live
    state.elsewhere = live !== undefined && !takesPart(live)
    if (live && left.has(live.call_id)) void quietly(live.state === 'inviting' || live.state === 'ringing' ? 'call.cancel' : 'call.hangup', { call_id: live.call_id })
    else if (live && takesPart(live)) resume(live)
    else if (state.call && state.phase !== 'ended') void look(state.call.call_id)
    if (calls?.ringing && calls.ringing.call.call_id !== state.call?.call_id) ring(calls.ringing)
    else if (!calls?.ringing && state.phase === 'ringing') settle()
    if (accepting && accepting === calls?.ringing?.call.call_id) void accept()
    accepting = undefined
  }

  /** What became of a call that the gateway does not count among the living any more. */
  async function look(call: string): Promise<void> {
    try {
      await refresh(call)
    } catch (error) {
      const code = codeOf(error)
      if (code === 'not_found' || code === 'call_gone') ended(call, 'lost')
    }
  }

  function resume(live: LiveCall): void {
    const known = mine(live.call_id)
    if (!known) wipe()
    know(live)
    state.peerMuted = { ...live.peer.muted }
    state.policy = live.policy
    if (live.state === 'inviting' || live.state === 'ringing') {
      if (live.direction === side) revive(live)
      return
    }
    const leg = line.leg()
    if (leg && leg.options.leg === live.leg) {
      leg.resume(live)
      line.report()
    } else void again(live, known && state.phase !== 'none')
  }

  /** The own invitation, after the page was loaded anew. */
  function revive(live: LiveCall): void {
    state.phase = 'calling'
    state.rings = live.state === 'ringing'
    if (!state.own) void prepare(live.media).then((able) => !able && void hangUp())
  }

  /** In the middle of a call without a connection: the page was loaded anew, or `call.start` went lost. */
  async function again(live: LiveCall, known: boolean): Promise<void> {
    state.phase = 'joining'
    if (!state.own && !(await prepare(live.media))) return void hangUp('media_denied')
    if (!mine(live.call_id) || line.has(live.call_id, live.leg)) return
    const next = line.begin({ ...live, call: live, leg: live.leg })
    next.continue(live)
    if (!known) tellMuted()
    if (!known && live.recording && side === 'agent') {
      state.notice = 'record_cut'
      void quietly('call.record', { call_id: live.call_id, on: false })
    }
  }

  function tellMuted(): void {
    void quietly('call.mute', { call_id: id(), ...state.muted })
  }

  function ring(ring: Ring): void {
    if (state.phase === 'preparing' && !state.ring) missed = ring
    if (state.phase !== 'none' && state.phase !== 'ended') return
    missed = undefined
    wipe()
    state.ring = ring
    state.phase = 'ringing'
    options.ringing?.('in')
    void quietly('call.ringing', { call_id: ring.call.call_id })
  }

  /** A newer snapshot of the call on this device. */
  function know(call: Call): void {
    if (state.call?.call_id === call.call_id && call.v <= version) return
    const before = state.call?.call_id === call.call_id ? state.call : undefined
    version = call.v
    state.call = call
    state.waiting.upgrade = call.upgrade?.by === side
    state.asked.upgrade = call.upgrade !== undefined && call.upgrade.by !== side
    if (call.state === 'ringing') state.rings = true
    if (call.end) return ended(call.call_id, call.end.reason, call.end.talk_ms)
    if (CONNECTED.has(call.state) && !line.has(call.call_id, call.leg)) expectStart(call)
    if (!line.leg()) return
    if (before) void follow(before, call)
    if (call.state === 'connecting' || call.state === 'reconnecting') line.report()
  }

  /** Does with the media what both have agreed on. */
  async function follow(before: Call, now: Call): Promise<void> {
    if (before.held !== now.held && side === 'agent') line.leg()?.hold(now.held)
    if (before.media.video === now.media.video) return
    if (now.media.video) await kit.addCamera()
    else await kit.dropCamera()
  }

  function onPush(push: CallPush): void {
    switch (push.op) {
      case 'call.ring': return ring(push.d)
      case 'call.ringing':
        if (mine(push.d.call_id)) state.rings = true
        return
      case 'call.start': return void start(push.d)
      case 'call.desc':
      case 'call.ice': return line.leg()?.hear(push.d)
      case 'call.mute':
        if (mine(push.d.call_id)) state.peerMuted = { audio: push.d.audio, video: push.d.video }
        return
      case 'call.upgrade':
        if (mine(push.d.call_id)) state.asked.upgrade = true
        return
      case 'call.upgrade.ok':
        if (mine(push.d.call_id)) state.waiting.upgrade = false
        return
      case 'call.upgrade.deny':
        if (!mine(push.d.call_id)) return
        state.notice = 'upgrade_denied'
        state.waiting.upgrade = state.asked.upgrade = false
        return
      case 'call.record':
        if (mine(push.d.call_id)) state.asked.record = true
        return
      case 'call.recording': return onRecording(push.d)
      case 'call.cancel': return onCancel(push.d)
      case 'call.state': return onState(push.d)
    }
  }

  function onRecording(d: { call_id: string; on: boolean; denied?: boolean; recording?: string }): void {
    if (!mine(d.call_id) || !state.call) return
    state.asked.record = state.waiting.record = false
    state.call = { ...state.call, recording: d.on }
    if (d.denied) state.notice = 'record_denied'
    if (d.on && d.recording) options.record?.begin(d.call_id, d.recording, state)
    else if (!d.on) options.record?.end()
  }

  function onCancel(d: { call_id: string; reason: string }): void {
    if (missed?.call.call_id === d.call_id) missed = undefined
    if (state.ring?.call.call_id === d.call_id) return void settle()
    if (!mine(d.call_id)) return
    // The call goes on with a colleague.
    if (d.reason === 'transferred') {
      options.record?.end()
      settle()
    }
  }

  function onState(call: Call): void {
    if (mine(call.call_id)) return know(call)
    if (call.state === 'ended' || call.device !== options.device) {
      state.elsewhere = call.state !== 'ended' && call.device !== undefined
      return
    }
    // This device takes part, and has not heard of it.
    if (state.phase === 'none' || state.phase === 'ended' || state.phase === 'ringing') void request<Call | LiveCall>('call.state', { call_id: call.call_id }).then((live) => takesPart(live) && live.state !== 'ended' && resume(live), () => undefined)
  }

  const dismiss = (): void => {
    if (state.phase === 'ended' || state.phase === 'none') wipe()
    state.trouble = undefined
    state.refusal = undefined
    state.notice = undefined
  }

  const busy = computed(() => state.phase !== 'none' && state.phase !== 'ended')

  return {
    state, devices: kit.devices, busy, side, ready, onPush, offline: line.offline, close: wipe, dismiss, invite, accept, reject, hangUp, ...acts,
    mute: kit.mute, choose: kit.choose, share: kit.share,
  }
}
