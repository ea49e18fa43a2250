/** Perfect negotiation over one peer connection: everything in one line, one thing after another. Knows no socket and no page. */
import { Batch } from './batch'

export interface Description {
  type: 'offer' | 'answer'
  sdp: string
}

/** `null` says that there are no more. */
export type Candidate = RTCIceCandidateInit | null

/** The part of RTCPeerConnection that negotiation needs. */
export interface PeerLike {
  readonly signalingState: RTCSignalingState
  readonly localDescription: { type: string; sdp: string } | null
  setLocalDescription(description?: { type: 'rollback' }): Promise<void>
  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>
  addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void>
  restartIce(): void
  close(): void
  onnegotiationneeded: ((event: never) => unknown) | null
  onicecandidate: ((event: never) => unknown) | null
}

export interface NegotiatorOptions {
  polite: boolean
  /** Lets the other side offer first. Two first offers at once are allowed, but Chromium may then gather nothing after its rollback. */
  patient?: boolean
  /** Makes the peer connection, with its tracks on it; again whenever the other side begins anew. */
  build: () => PeerLike
  description: (description: Description) => void
  candidates: (batch: Candidate[]) => void
  /** Something that cannot be negotiated. The call goes on without it. */
  trouble: (error: unknown) => void
}

/** Candidates that come before the description they belong to; more than that is no call. */
const QUEUED_MOST = 200
/** Then the first offer is not coming: we make it. */
export const PATIENT_MS = 3000

export class Negotiator {
  peer: PeerLike
  /** Offers of the other side that were ignored because our own was under way. */
  ignored = 0
  /** Own offers that were taken back for the other side's. */
  rolledBack = 0
  private line: Promise<unknown> = Promise.resolve()
  private queue: Candidate[] = []
  private hasRemote = false
  private ignoring = false
  private origin: string | undefined
  private closed = false
  private patience: ReturnType<typeof setTimeout> | undefined
  private readonly batch: Batch<Candidate>

  constructor(private readonly options: NegotiatorOptions) {
    if (options.patient) this.patience = setTimeout(() => this.hasten(), PATIENT_MS)
    this.batch = new Batch((items) => options.candidates(items))
    this.peer = this.attach()
  }

  /** A description from the other side. */
  describe(description: Description): Promise<void> {
    return this.next(() => this.apply(description))
  }

  /** Candidates from the other side. */
  candidates(batch: Candidate[]): Promise<void> {
    return this.next(async () => {
      for (const candidate of batch) await this.add(candidate)
    })
  }

  /** New candidates on both sides; the offer follows by itself. */
  restart(): void {
    if (!this.closed) this.peer.restartIce()
  }

  /** Offers first after all. */
  hasten(): void {
    clearTimeout(this.patience)
    this.patience = undefined
    const { peer } = this
    if (!this.closed && !this.hasRemote) void this.next(() => this.offer(peer))
  }

  /** The own offer has waited too long for its answer: takes it back and makes another. */
  renew(): Promise<void> {
    return this.next(async () => {
      if (this.peer.signalingState !== 'have-local-offer') return
      await this.peer.setLocalDescription({ type: 'rollback' })
      this.peer.restartIce()
    })
  }

  /** Begins anew with a fresh peer connection; its tracks make it offer. */
  rebuild(): void {
    if (this.closed) return
    this.detach()
    this.peer = this.attach()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.patience)
    this.detach()
  }

  private attach(): PeerLike {
    this.hasRemote = false
    this.ignoring = false
    this.origin = undefined
    this.queue = []
    const peer = this.options.build()
    peer.onnegotiationneeded = () => void this.next(() => this.offer(peer))
    peer.onicecandidate = (event: { candidate: { toJSON(): RTCIceCandidateInit; candidate: string } | null }) => {
      if (peer !== this.peer) return
      const { candidate } = event
      // An empty candidate ends one generation; only the end of all is worth telling.
      if (candidate?.candidate === '') return
      this.batch.add(candidate ? candidate.toJSON() : null)
      if (!candidate) this.batch.flush()
    }
    return peer
  }

  private detach(): void {
    this.batch.drop()
    const { peer } = this
    peer.onnegotiationneeded = null
    peer.onicecandidate = null
    peer.close()
  }

  private next(work: () => Promise<void>): Promise<void> {
    const mine = this.line.then(async () => {
      if (this.closed) return
      try {
        await work()
      } catch (error) {
        if (!this.closed) this.options.trouble(error)
      }
    })
    this.line = mine
    return mine
  }

  private async offer(peer: PeerLike): Promise<void> {
    // By its turn the other side's offer may have settled what was needed; the browser asks again if not.
    if (peer !== this.peer || peer.signalingState !== 'stable' || (this.patience !== undefined && !this.hasRemote)) return
    await peer.setLocalDescription()
    this.tell(peer)
  }

  private async apply(description: Description): Promise<void> {
    if (this.isAnew(description)) this.rebuild()
    const { peer } = this
    const collision = description.type === 'offer' && peer.signalingState !== 'stable'
    this.ignoring = collision && !this.options.polite
    if (this.ignoring) {
      this.ignored += 1
      return
    }
    // An answer to an offer that was taken back.
    if (description.type === 'answer' && peer.signalingState !== 'have-local-offer') return
    if (collision) this.rolledBack += 1
    await peer.setRemoteDescription(description)
    clearTimeout(this.patience)
    this.patience = undefined
    this.origin = originOf(description.sdp)
    this.hasRemote = true
    for (const candidate of this.queue.splice(0)) await this.add(candidate)
    if (description.type === 'offer') {
      await peer.setLocalDescription()
      this.tell(peer)
    }
  }

  /** An offer of another peer connection than the one we are connected to: the other page was loaded anew. */
  private isAnew(description: Description): boolean {
    return description.type === 'offer' && this.origin !== undefined && this.origin !== originOf(description.sdp)
  }

  private async add(candidate: Candidate): Promise<void> {
    if (!this.hasRemote) {
      if (this.queue.length < QUEUED_MOST) this.queue.push(candidate)
      return
    }
    try {
      await this.peer.addIceCandidate(candidate ?? undefined)
    } catch (error) {
      // Candidates of an offer that was ignored fit nothing.
      if (!this.ignoring) this.options.trouble(error)
    }
  }

  private tell(peer: PeerLike): void {
    const local = peer.localDescription
    if (!local || (local.type !== 'offer' && local.type !== 'answer')) return
    this.options.description({ type: local.type, sdp: local.sdp })
  }
}

/** What tells one peer connection from another: the session id of the `o=` line. */
export function originOf(sdp: string): string | undefined {
  return /^o=\S+ (\S+) /m.exec(sdp)?.[1]
}
