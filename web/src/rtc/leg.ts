/** The way of the media between two devices, from `call.start` to its end or the next agent. Knows no page. */
import type { CallPolicy, CallPushes, LiveCall, Side } from '../wire/calls'
import { Mender, type Media } from './mender'
import { Negotiator, type Candidate, type Description, type PeerLike } from './negotiator'
import { momentOf, qualityOf, sampleOf, type Moment, type Quality, type Sample } from './quality'
import { Signals } from './signals'

/** An offer that has no answer for this long is asked about, then made again. */
const UNANSWERED_MS = 4000
const LOOK_MS = 2000
const SILENT_MS = 3000

export interface LegOptions {
  call: string
  leg: number
  side: Side
  polite: boolean
  policy: CallPolicy
  iceServers: RTCIceServer[]
  /** What goes out, whenever a connection is made. */
  own: () => MediaStream
  /** Asks the gateway. Rejects with FrameError. */
  request: <T>(op: string, d: object) => Promise<T>
  /** The gateway's snapshot of the call. */
  refresh: () => Promise<LiveCall | undefined>
  /** While the call is on hold nothing comes, which says nothing about the network. */
  held: () => boolean
  media: (media: Media) => void
  remote: (stream: MediaStream) => void
  quality: (quality: Quality) => void
  sample: (sample: Sample) => void
  /** What this side believes to be the end; the gateway has the last word. */
  over: (reason: 'ice_failed' | 'lost') => void
}

export class Leg {
  readonly mender: Mender
  readonly negotiator: Negotiator
  private readonly signals: Signals
  private iceServers: RTCIceServer[]
  private pc!: RTCPeerConnection
  private before: Moment | undefined
  private told: Moment | undefined
  private offering = 0
  private began = performance.now()
  private looks: ReturnType<typeof setInterval>
  private closed = false
  private mending = false
  private held = false
  private waiting: { n: number; hear: () => Promise<void> }[] = []

  constructor(readonly options: LegOptions) {
    this.iceServers = options.iceServers
    this.signals = new Signals(
      ({ op, n, body }) => options.request(op, { call_id: options.call, leg: options.leg, n, ...body }),
      () => void this.catchUp(),
    )
    this.mender = new Mender({
      connectingMs: options.policy.connecting_s * 1000,
      reconnectingMs: options.policy.reconnecting_s * 1000,
      restart: () => void this.restart(),
      became: options.media,
      over: options.over,
      stuck: () => {
        // With both descriptions there and not one check begun, this connection will not come any more.
        if (!options.polite && this.pc.iceConnectionState === 'new' && this.pc.remoteDescription) this.negotiator.rebuild()
      },
    })
    this.negotiator = new Negotiator({
      polite: options.polite,
      patient: options.polite,
      build: () => this.build(),
      description: (description) => this.signals.send('call.desc', { ...description }),
      candidates: (candidates) => this.signals.send('call.ice', { candidates }),
      trouble: () => void this.catchUp(),
    })
    this.mender.start()
    this.looks = setInterval(() => void this.look(), LOOK_MS)
    this.watchNetwork('addEventListener')
  }

  get state(): RTCPeerConnectionState {
    return this.pc.connectionState
  }

  /** What came from the other side, in whatever way. */
  hear(push: CallPushes['call.desc'] | CallPushes['call.ice']): void {
    if (push.leg !== this.options.leg || push.call_id !== this.options.call) return
    const hear = 'sdp' in push ? () => this.describe(push) : () => this.negotiator.candidates(push.candidates)
    if (push.n > this.signals.received + 1) {
      // Something is missing before it: nothing is applied out of order.
      this.waiting.push({ n: push.n, hear })
      void this.catchUp()
    } else if (this.signals.fresh(push.n)) void hear()
  }

  /** The link is back: tell and hear what went lost, and mend what did not hold. */
  resume(live: LiveCall): void {
    this.iceServers = live.ice_servers
    this.signals.resume(live.mine.n)
    this.absorb(live)
    if (this.mender.media !== 'connecting' && this.pc.connectionState !== 'connected') void this.restart()
  }

  /** A page that was loaded anew: what an earlier one negotiated is of no use to it, but its numbers go on. */
  continue(live: LiveCall): void {
    this.signals.continueFrom(live.mine.n)
    if (live.mine.n > 0) {
      this.signals.deaf(live.peer.n)
      this.negotiator.hasten()
    } else this.absorb(live)
  }

  /** Sends this track from now on, or nothing; whether both sides have to agree on it first. */
  async carry(kind: 'audio' | 'video', track: MediaStreamTrack | undefined): Promise<void> {
    const known = this.pc.getTransceivers().find((one) => (one.sender.track?.kind ?? one.receiver.track.kind) === kind)
    if (known) {
      await known.sender.replaceTrack(track ?? null)
      const direction = track ? 'sendrecv' : 'recvonly'
      if (known.direction !== direction && known.direction !== 'inactive') known.direction = direction
    } else if (track) this.pc.addTrack(track, this.options.own())
  }

  /** While held nothing goes either way. */
  hold(held: boolean): void {
    this.held = held
    for (const one of this.pc.getTransceivers()) {
      const direction = held ? 'inactive' : one.sender.track ? 'sendrecv' : 'recvonly'
      if (one.direction !== direction) one.direction = direction
    }
  }

  /** Fresh credentials first: those of the beginning may have run out. */
  async restart(): Promise<void> {
    if (this.mending) return
    this.mending = true
    try {
      const { ice_servers } = await this.options.request<{ ice_servers: RTCIceServer[] }>('call.reconnecting', { call_id: this.options.call, leg: this.options.leg })
      this.iceServers = ice_servers
      if (!this.closed) this.pc.setConfiguration(this.configuration())
    } catch {
      // Without the gateway nothing can be agreed on; `resume` comes back to it.
    } finally {
      this.mending = false
    }
    if (!this.closed) this.negotiator.restart()
  }

  stats(): Promise<RTCStatsReport> {
    return this.pc.getStats()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    clearInterval(this.looks)
    this.watchNetwork('removeEventListener')
    this.signals.close()
    this.mender.close()
    this.negotiator.close()
  }

  private configuration(): RTCConfiguration {
    return { iceServers: this.iceServers, iceTransportPolicy: this.options.policy.relay_only ? 'relay' : 'all', bundlePolicy: 'max-bundle' }
  }

  private build(): PeerLike {
    const anew = (this.pc as RTCPeerConnection | undefined) !== undefined
    const pc = new RTCPeerConnection(this.configuration())
    const own = this.options.own()
    for (const track of own.getTracks()) pc.addTrack(track, own)
    pc.onconnectionstatechange = () => pc === this.pc && this.mender.heard(pc.connectionState)
    pc.ontrack = ({ track }) => {
      const tell = () => pc === this.pc && this.showRemote()
      track.onmute = track.onunmute = track.onended = tell
      tell()
    }
    if (this.held) for (const one of pc.getTransceivers()) one.direction = 'inactive'
    this.pc = pc
    this.before = this.told = undefined
    if (anew) this.mender.renewed()
    return pc
  }

  private showRemote(): void {
    const tracks = this.pc.getReceivers().map((one) => one.track).filter((track) => track.readyState === 'live')
    this.options.remote(new MediaStream(tracks))
  }

  private async describe(description: Description): Promise<void> {
    await this.negotiator.describe(description)
  }

  /** What the gateway keeps of the other side, and what waited for it, in order. */
  private absorb(live: LiveCall): void {
    if (live.leg !== this.options.leg) return
    const kept = this.waiting.splice(0)
    const { desc, ice } = live.peer
    if (desc) kept.push({ n: desc.n, hear: () => this.describe({ type: desc.type, sdp: desc.sdp }) })
    for (const { n, candidates } of ice) kept.push({ n, hear: () => this.negotiator.candidates(candidates as Candidate[]) })
    kept.sort((a, b) => a.n - b.n)
    for (const one of kept) if (this.signals.fresh(one.n)) void one.hear()
  }

  private async catchUp(): Promise<void> {
    if (this.closed) return
    const live = await this.options.refresh().catch(() => undefined)
    if (live && !this.closed) this.absorb(live)
  }

  private async look(): Promise<void> {
    if (this.pc.signalingState === 'closed') return
    const now = momentOf([...(await this.pc.getStats()).values()] as Parameters<typeof momentOf>[0] & object[], performance.now())
    if (this.closed) return
    if (this.options.held()) this.before = this.told = undefined
    else this.judge(now)
    await this.silent()
    await this.unanswered()
  }

  private judge(now: Moment): void {
    this.options.quality(qualityOf(this.before, now, this.mender.media === 'connected'))
    this.before = now
    if (this.told === undefined) this.told = now
    else if (now.at - this.told.at >= this.options.policy.stats_s * 1000) {
      this.options.sample(sampleOf(this.told, now))
      this.told = now
    }
  }

  /** While it connects, silence means that something went lost on its way. */
  private async silent(): Promise<void> {
    if (this.mender.media !== 'connecting' || this.signals.received > 0 || performance.now() - this.began < SILENT_MS) return
    this.began = performance.now()
    await this.catchUp()
  }

  private async unanswered(): Promise<void> {
    if (this.pc.signalingState !== 'have-local-offer') {
      this.offering = 0
      return
    }
    this.offering ||= performance.now()
    if (performance.now() - this.offering < UNANSWERED_MS) return
    this.offering = 0
    await this.catchUp()
    // Both may do so at once: then the polite side gives way, as always.
    if (!this.closed && this.signals.idle) await this.negotiator.renew()
  }

  private readonly onNetwork = (): void => this.mender.networkChanged()

  private watchNetwork(how: 'addEventListener' | 'removeEventListener'): void {
    const { connection } = navigator as { connection?: EventTarget }
    connection?.[how]('change', this.onNetwork)
    window[how]('online', this.onNetwork)
  }
}
