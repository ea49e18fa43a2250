/** Decides when a shaken connection is mended, and when it has been waited for long enough. Knows no peer connection. */

/** A connection that comes back by itself does so within this time. */
export const SHAKEN_MS = 3000
/** Between two attempts, so that one has the time to succeed. */
export const AGAIN_MS = 5000

export type Media = 'connecting' | 'connected' | 'reconnecting'

export interface MenderOptions {
  connectingMs: number
  reconnectingMs: number
  /** Fresh credentials, then new candidates. */
  restart: () => void
  /** Media flows, does not flow yet, or not any more. */
  became: (media: Media) => void
  /** Half of the time is over without media. */
  stuck?: () => void
  /** The time is over: `ice_failed` before media ever flowed, `lost` after. */
  over: (reason: 'ice_failed' | 'lost') => void
}

export class Mender {
  media: Media = 'connecting'
  restarts = 0
  private shaken: ReturnType<typeof setTimeout> | undefined
  private again: ReturnType<typeof setTimeout> | undefined
  private limit: ReturnType<typeof setTimeout> | undefined
  private half: ReturnType<typeof setTimeout> | undefined
  private closed = false

  constructor(private readonly options: MenderOptions) {}

  /** The wall clock begins: with an expired credential no browser ever says `failed`. */
  start(): void {
    this.limit ??= setTimeout(() => this.options.over('ice_failed'), this.options.connectingMs)
    this.half ??= setTimeout(() => this.media === 'connecting' && this.options.stuck?.(), this.options.connectingMs / 2)
  }

  /** What the peer connection says of itself. */
  heard(state: RTCPeerConnectionState): void {
    if (this.closed) return
    switch (state) {
      case 'connected':
        this.clear()
        this.become('connected')
        return
      case 'disconnected':
        if (this.media === 'connecting') return
        this.shaken ??= setTimeout(() => this.mend(), SHAKEN_MS)
        return
      case 'failed':
        this.mend()
    }
  }

  /** The peer connection was made anew: it connects once more. */
  renewed(): void {
    if (!this.closed) this.interrupt()
  }

  /** The machine has another network than before. */
  networkChanged(): void {
    if (this.closed || this.media === 'connecting') return
    this.options.restart()
    this.restarts += 1
  }

  close(): void {
    this.closed = true
    this.clear()
  }

  private mend(): void {
    if (this.closed) return
    clearTimeout(this.shaken)
    this.shaken = undefined
    this.interrupt()
    if (this.again !== undefined) return
    this.restarts += 1
    this.options.restart()
    this.again = setTimeout(() => {
      this.again = undefined
      if (this.media !== 'connected') this.mend()
    }, AGAIN_MS)
  }

  private interrupt(): void {
    if (this.media !== 'connected') return
    this.limit = setTimeout(() => this.options.over('lost'), this.options.reconnectingMs)
    this.become('reconnecting')
  }

  private become(media: Media): void {
    if (this.media === media) return
    this.media = media
    this.options.became(media)
  }

  private clear(): void {
    for (const timer of [this.shaken, this.again, this.limit, this.half]) clearTimeout(timer)
    this.shaken = this.again = this.limit = this.half = undefined
  }
}
