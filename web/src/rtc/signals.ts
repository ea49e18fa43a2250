/** The numbered signals of one call. What goes out is kept until the gateway has it and is repeated with the same number; what comes in twice is heard once. */
import { FrameError } from '../wire/client'

const AGAIN_MS = 1000
/** More than this unheard means that the other end is gone; the oldest is useless by then. */
const KEPT_MOST = 128

export interface Signal {
  op: string
  n: number
  body: Record<string, unknown>
}

/** Sends one signal; rejects with FrameError. */
export type Carry = (signal: Signal) => Promise<unknown>

export class Signals {
  private kept: Signal[] = []
  /** What the gateway may have to be told again, should it have lost it. */
  private told: Signal[] = []
  private last = 0
  private heard = 0
  private busy = false
  private closed = false
  private timer: ReturnType<typeof setTimeout> | undefined

  /** `refused` hears the code of a refusal that repeating would not change. */
  constructor(
    private readonly carry: Carry,
    private readonly refused: (code: string, signal: Signal) => void,
  ) {}

  get sent(): number {
    return this.last
  }

  get received(): number {
    return this.heard
  }

  /** Numbers go on where an earlier page of the same device stopped. */
  continueFrom(mine: number): void {
    this.last = Math.max(this.last, mine)
  }

  send(op: string, body: Record<string, unknown>): void {
    if (this.closed) return
    this.last += 1
    this.kept.push({ op, n: this.last, body })
    if (this.kept.length > KEPT_MOST) this.kept.shift()
    void this.pump()
  }

  /** An earlier page of this device has heard so much; it is of no use to this one. */
  deaf(heard: number): void {
    this.heard = Math.max(this.heard, heard)
  }

  /** Whether a signal with this number is new. In order, so one number is enough. */
  fresh(n: number): boolean {
    if (n <= this.heard) return false
    this.heard = n
    return true
  }

  /** The link is back, and this is the last that the gateway has of us: what is newer goes out again. */
  resume(known: number): void {
    const lost = this.told.filter((one) => one.n > known)
    this.told = []
    this.kept = [...lost, ...this.kept.filter((one) => !lost.includes(one))]
    clearTimeout(this.timer)
    this.timer = undefined
    void this.pump()
  }

  /** Whether everything is out. */
  get idle(): boolean {
    return this.kept.length === 0
  }

  close(): void {
    this.closed = true
    this.kept = []
    this.told = []
    clearTimeout(this.timer)
  }

  private async pump(): Promise<void> {
    if (this.busy || this.timer !== undefined) return
    this.busy = true
    try {
      while (!this.closed) {
        const [next] = this.kept
        if (!next) return
        try {
          await this.carry(next)
          this.done(next)
          this.told.push(next)
          if (this.told.length > KEPT_MOST) this.told.shift()
        } catch (error) {
          if (!this.bearable(error, next)) return
        }
      }
    } finally {
      this.busy = false
    }
  }

  /** Whether the rest may go on after a failure. */
  private bearable(error: unknown, signal: Signal): boolean {
    if (error instanceof FrameError && !error.retry) {
      this.done(signal)
      if (!this.closed) this.refused(error.code, signal)
      return true
    }
    const wait = error instanceof FrameError && error.afterMs > 0 ? error.afterMs : AGAIN_MS
    // A link that is gone says so when it is back; the timer is for the rest.
    this.timer = setTimeout(() => {
      this.timer = undefined
      void this.pump()
    }, wait)
    return false
  }

  private done(signal: Signal): void {
    this.kept = this.kept.filter((one) => one !== signal)
  }
}
