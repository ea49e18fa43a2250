/** The calls of one party on this device: what the gateway says and what the person does, as reactive state. Knows no component. */
import { computed, reactive } from 'vue'
import { takesPart, type Call, type CallPush, type CallsState, type CallStart, type EndReason, type LiveCall, type Side } from '../wire/calls'
import type { Storage } from '../wire/store'
import { callActs } from './acts'
import { codeOf, openDoor } from './door'
import { openKit } from './kit'
import { openLeft } from './left'
import { openLine } from './line'
import { fresh, type BoothState } from './state'
import { openTape, type Recorder } from './tape'

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
  record?: Recorder
}

export type Booth = ReturnType<typeof openBooth>

export function openBooth(options: BoothOptions) {
  const { request, side } = options
  const state = reactive({ allowed: undefined, elsewhere: false, ...fresh() }) as BoothState
  /** Of the call that is known here, whatever was said of it. */
  let version = -1
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
  const left = openLeft({ request, online: options.online, late: (call) => void why(call) })
  const door = openDoor({
    state, kit, left, request, serverNow: options.serverNow, ringing: (how) => options.ringing?.(how), know: (call) => know(call), expectStart: (call) => expectStart(call), wipe: () => wipe(),
  })
  const tape = openTape({ state, side, recorder: options.record, tell: (op, d) => quietly(op, d), refresh: (call) => refresh(call) })
  const acts = callActs({ state, kit, tell: (op, d) => quietly(op, d), recordEnds: tape.end })

  /** Out of the call at once on this device; the gateway's word about why it ended counts, whenever it comes. */
  async function hangUp(reason?: 'media_denied' | 'ice_failed'): Promise<void> {
    const { call, phase } = state
    if (state.ring) return door.reject()
    if (!call || phase === 'ended') {
      if (phase === 'preparing') door.settle()
      return
    }
    left.add(call.call_id)
    ended(call.call_id, reason ?? (phase === 'calling' ? 'cancelled' : side === 'agent' ? 'hangup_agent' : 'hangup_contact'))
    await left.leave(call.call_id, phase === 'calling' && !reason ? { op: 'call.cancel' } : { op: 'call.hangup', reason })
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
    const { call } = from
    // A call that the person has left may have no name here before the answer to its invitation.
    if (!mine(call.call_id) && state.phase !== 'preparing' && door.pending()) await door.pending()
    if (left.has(call.call_id)) return left.leave(call.call_id)
    if (!mine(call.call_id)) {
      if (idle()) wipe()
      // While it is being accepted, the answer to that may come later than this.
      else if (state.phase !== 'preparing') return
    }
    if (line.has(call.call_id, from.leg)) return
    clearTimeout(starting)
    know(call)
    state.ring = undefined
    options.ringing?.(undefined)
    state.phase = 'joining'
    // Another agent, who has muted and asked for nothing yet.
    state.peerMuted = { audio: false, video: false }
    // A call that came without ringing finds no open camera.
    if (!(await opened(call)) || line.has(call.call_id, from.leg)) return
    line.begin(from)
    if (state.muted.audio || state.muted.video) kit.tellMuted()
  }

  /** Whether the devices are there and the call is still wanted: without them it is hung up. */
  async function opened(call: Call): Promise<boolean> {
    const turn = kit.turn()
    const able = state.own !== undefined || (await prepare(call.media))
    if (kit.turn() !== turn || !mine(call.call_id)) return false
    if (!able) void hangUp('media_denied')
    return able
  }

  function ended(call: string, reason: EndReason, talkMs?: number): void {
    if (!mine(call)) return
    tape.end()
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
    fade(state.end.talkMs > 0 ? ENDED_MS * 3 : ENDED_MS)
  }

  function fade(ms: number): void {
    clearTimeout(clearing)
    clearing = setTimeout(() => state.phase === 'ended' && wipe(), ms)
  }

  /** Somebody is about to say more about it: the end stays on the screen until they have. */
  const linger = (): void => clearTimeout(clearing)

  async function rate(score: number, problems: string[] = []): Promise<void> {
    fade(ENDED_MS)
    await acts.rate(score, problems)
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

  /** What the gateway says of a call that has ended here already. */
  function correct(call: Call): void {
    if (state.phase === 'ended' && state.call?.call_id === call.call_id && call.end) state.end = { reason: call.end.reason, talkMs: call.end.talk_ms }
  }

  async function why(call: string): Promise<void> {
    await request<Call>('call.state', { call_id: call }).then(correct, () => undefined)
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
    if (takesPart(live)) state.peerMuted = { ...live.peer.muted }
    return takesPart(live) && live.state !== 'ended' ? live : undefined
  }

  /** The answer to signing in. */
  function ready(calls: CallsState | undefined): void {
    state.allowed = calls && { may_start: calls.may_start, video: calls.video, record: calls.record }
    line.offline()
    const live = calls?.live
    state.elsewhere = live !== undefined && !takesPart(live)
    if (live && takesPart(live)) {
      if (!mine(live.call_id)) door.claim(live.call_id)
      resume(live)
    } else if (state.call) void (state.phase === 'ended' ? why : look)(state.call.call_id)
    door.ready(calls)
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
    if (left.has(live.call_id)) return void left.leave(live.call_id)
    const known = mine(live.call_id)
    if (!known) {
      wipe()
      tape.inherit(live)
    }
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
    void opened(live)
  }

  /** In the middle of a call without a connection: the page was loaded anew, or `call.start` went lost. */
  async function again(live: LiveCall, known: boolean): Promise<void> {
    state.phase = 'joining'
    if (!(await opened(live)) || line.has(live.call_id, live.leg)) return
    const next = line.begin({ ...live, call: live, leg: live.leg })
    next.continue(live)
    if (known) return
    kit.tellMuted()
    // The screen was shown by the page before.
    if (live.screen && side === 'agent') void quietly('call.screen', { call_id: live.call_id, on: false })
  }

  /** A newer snapshot of the call on this device. */
  function know(call: Call): void {
    if (state.call?.call_id === call.call_id && (state.phase === 'ended' || call.v <= version)) return correct(call)
    const before = state.call?.call_id === call.call_id ? state.call : undefined
    version = call.v
    state.call = call
    state.waiting.upgrade = call.upgrade?.by === side
    state.asked.upgrade = call.upgrade !== undefined && call.upgrade.by !== side
    if (call.state === 'ringing') state.rings = true
    tape.know(call)
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
      case 'call.ring': return door.ring(push.d)
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
      case 'call.recording':
        if (mine(push.d.call_id)) tape.heard(push.d)
        return
      case 'call.cancel': return onCancel(push.d)
      case 'call.state': return onState(push.d)
    }
  }

  function onCancel(d: { call_id: string; reason: string }): void {
    if (door.silence(d.call_id) || !mine(d.call_id)) return
    // The call goes on with a colleague.
    if (d.reason === 'transferred') {
      tape.end()
      door.settle()
    }
  }

  function onState(call: Call): void {
    if (mine(call.call_id)) return know(call)
    if (call.state === 'ended' || call.device !== options.device) {
      correct(call)
      state.elsewhere = call.state !== 'ended' && call.device !== undefined
      return
    }
    if (left.has(call.call_id)) return void left.leave(call.call_id)
    if (idle()) void join(call.call_id)
  }

  /** In no call, and about to be in none of one's own will. */
  const idle = (): boolean => state.phase === 'none' || state.phase === 'ended' || state.phase === 'ringing'

  /** This device takes part, and has not heard of it. */
  async function join(call: string): Promise<void> {
    await door.pending()
    const live = await request<Call | LiveCall>('call.state', { call_id: call }).catch(() => undefined)
    if (live && takesPart(live) && live.state !== 'ended' && (idle() || mine(call))) resume(live)
  }

  const dismiss = (): void => {
    if (state.phase === 'ended' || state.phase === 'none') wipe()
    state.trouble = undefined
    state.refusal = undefined
    state.notice = undefined
  }

  const busy = computed(() => state.phase !== 'none' && state.phase !== 'ended')

  return {
    state, devices: kit.devices, busy, side, ready, onPush, offline: line.offline, close: wipe, dismiss, invite: door.invite, accept: door.accept, reject: door.reject, hangUp, ...acts, rate, linger,
    mute: kit.mute, choose: kit.choose, share: kit.share,
  }
}
