/** One live link to the gateway: connects, authenticates, resumes, keeps alive, comes back. Knows no page and no message. */
import { backoffMs } from './backoff'
import type { Bye, Cursor, Hello, Push, Ready, Recovery } from './protocol'
import { verdict, type StopReason } from './verdict'

export const SUBPROTOCOL = 'yizhan.v1.json'
const REQUEST_MS = 10_000
const CONNECT_MS = 10_000
const PROBE_MS = 4_000

/** A refusal by the server, or a link that ended before the answer came. */
export class FrameError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retry: boolean,
    readonly afterMs = 0,
  ) {
    super(message)
    this.name = 'FrameError'
  }
}

/** Thrown by the ticket source when only a person can help: signing in again. */
export class SignInNeeded extends Error {}

/** Thrown by the ticket source when the server refuses for good, for example an unknown account. */
export class Refused extends Error {}

/** The part of WebSocket that is used. */
export interface Link {
  readyState: number
  send(text: string): void
  close(code?: number, reason?: string): void
  onopen: ((event: unknown) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
  onerror: ((event: unknown) => void) | null
}

export type LinkState =
  | { kind: 'idle' }
  | { kind: 'connecting'; attempt: number }
  | { kind: 'online' }
  | { kind: 'waiting'; attempt: number; until: number }
  | { kind: 'stopped'; reason: StopReason }

export interface ClientOptions {
  url: string
  device: string
  app: string
  caps?: string[]
  /** A one-time ticket; may throw SignInNeeded or Refused. */
  ticket: () => Promise<string>
  /** Where every conversation stands, for resume. */
  cursors: () => Cursor[]
  onState?: (state: LinkState) => void
  /** After every authentication. `recoveries` is undefined after a plain `auth`. */
  onReady: (ready: Ready, recoveries: Recovery[] | undefined) => void
  onPush: (push: Push) => void
  open?: (url: string, protocol: string) => Link
  now?: () => number
  random?: () => number
}

interface Waiting {
  resolve: (value: unknown) => void
  reject: (error: FrameError) => void
  timer: ReturnType<typeof setTimeout>
}

type Frame = { id?: number; ok?: unknown; err?: { code: string; msg?: string; retry?: boolean; after_ms?: number }; op?: string; d?: unknown; prev?: number }

export class FrameClient {
  state: LinkState = { kind: 'idle' }
  /** Server clock minus local clock, in ms. */
  skew = 0
  private link: Link | undefined
  private generation = 0
  private nextId = 1
  private readonly waiting = new Map<number, Waiting>()
  private resumeToken: string | undefined
  private resumeMs = 120_000
  private lostAt = 0
  private attempt = 0
  private bye: Bye | undefined
  private heartbeatMs = 25_000
  private lastHeard = 0
  private beat: ReturnType<typeof setTimeout> | undefined
  private retry: ReturnType<typeof setTimeout> | undefined
  private guard: ReturnType<typeof setTimeout> | undefined
  private probing: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly options: ClientOptions) {}

  start(): void {
    if (this.state.kind === 'idle' || this.state.kind === 'stopped') {
      this.attempt = 0
      void this.connect()
    }
  }

  /** Leaves for good; the session may be dropped by the server at once. */
  stop(): void {
    this.resumeToken = undefined
    this.drop(1000)
    this.become({ kind: 'idle' })
  }

  /** Something suggests that the network changed: come back now, or find out whether the link is still alive. */
  nudge(): void {
    if (this.state.kind === 'waiting') {
      this.attempt = 0
      void this.connect()
    } else if (this.state.kind === 'online' && this.probing === undefined) {
      this.write({ op: 'ping' })
      const asked = this.now()
      this.probing = setTimeout(() => {
        this.probing = undefined
        if (this.state.kind === 'online' && this.lastHeard < asked) this.lost(4009)
      }, PROBE_MS)
    }
  }

  /** Asks and waits for the answer. Rejects with FrameError; `retry` tells whether the same request may be repeated. */
  request<T>(op: string, d: unknown = {}, timeoutMs = REQUEST_MS): Promise<T> {
    if (this.state.kind !== 'online') return Promise.reject(new FrameError('disconnected', 'not connected', true))
    return this.ask<T>(op, d, timeoutMs)
  }

  /** Says something that needs no answer; silently dropped while there is no link. */
  tell(op: string, d: unknown): void {
    if (this.state.kind === 'online') this.write({ op, d })
  }

  private ask<T>(op: string, d: unknown, timeoutMs: number): Promise<T> {
    const id = this.nextId++
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id)
        reject(new FrameError('timeout', `no answer to ${op}`, true))
      }, timeoutMs)
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, timer })
      this.write({ id, op, d })
    })
  }

  private write(frame: object): void {
    if (this.link?.readyState === 1) this.link.send(JSON.stringify(frame))
  }

  private async connect(): Promise<void> {
    clearTimeout(this.retry)
    this.drop()
    const generation = this.generation
    this.bye = undefined
    this.become({ kind: 'connecting', attempt: this.attempt })
    const resuming = this.resumeToken !== undefined && this.now() - this.lostAt < this.resumeMs
    let ticket = ''
    if (!resuming) {
      this.resumeToken = undefined
      try {
        ticket = await this.options.ticket()
      } catch (error) {
        if (generation !== this.generation) return
        if (error instanceof SignInNeeded) this.halt('auth')
        else if (error instanceof Refused) this.halt('refused')
        else this.later(backoffMs(this.attempt, this.random()))
        return
      }
      if (generation !== this.generation) return
    }
    this.openLink(generation, ticket)
  }

  private openLink(generation: number, ticket: string): void {
    const open = this.options.open ?? ((url, protocol) => new WebSocket(url, protocol) as Link)
    let link: Link
    try {
      link = open(this.options.url, SUBPROTOCOL)
    } catch {
      this.later(backoffMs(this.attempt, this.random()))
      return
    }
    this.link = link
    const mine = () => generation === this.generation
    this.guard = setTimeout(() => mine() && this.lost(1006), CONNECT_MS)
    link.onmessage = (event) => {
      if (mine() && typeof event.data === 'string') this.receive(event.data, ticket)
    }
    link.onclose = (event) => mine() && this.lost(event.code)
    link.onerror = () => undefined
  }

  private receive(text: string, ticket: string): void {
    this.lastHeard = this.now()
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      this.lost(4004)
      return
    }
    for (const frame of (Array.isArray(parsed) ? parsed : [parsed]) as Frame[]) this.handle(frame, ticket)
  }

  private handle(frame: Frame, ticket: string): void {
    if (frame.id !== undefined && frame.op === undefined) {
      const waiting = this.waiting.get(frame.id)
      if (!waiting) return
      this.waiting.delete(frame.id)
      clearTimeout(waiting.timer)
      if (frame.err) {
        waiting.reject(new FrameError(frame.err.code, frame.err.msg ?? frame.err.code, frame.err.retry ?? false, frame.err.after_ms ?? 0))
      } else waiting.resolve(frame.ok)
      return
    }
    switch (frame.op) {
      case 'hello':
        this.greet(frame.d as Hello, ticket)
        return
      case 'ping':
        this.write({ op: 'pong' })
        return
      case 'pong':
      case undefined:
        return
      case 'bye':
        this.bye = frame.d as Bye
        return
      default:
        this.options.onPush(frame as unknown as Push)
    }
  }

  private greet(hello: Hello, ticket: string): void {
    this.heartbeatMs = hello.heartbeat_ms || this.heartbeatMs
    this.resumeMs = hello.resume_ms || this.resumeMs
    const serverNow = Date.parse(hello.now)
    if (Number.isFinite(serverNow)) this.skew = serverNow - this.now()
    const { device, app, caps } = this.options
    const generation = this.generation
    const answer = this.resumeToken
      ? this.ask<Ready & { convs?: Recovery[] }>('resume', { resume_token: this.resumeToken, device, convs: this.options.cursors() }, CONNECT_MS)
      : this.ask<Ready & { convs?: Recovery[] }>('auth', { ticket, device, app, caps: caps ?? [] }, CONNECT_MS)
    answer.then(
      (ready) => {
        if (generation === this.generation) this.welcomed(ready)
      },
      (error: FrameError) => {
        if (generation !== this.generation) return
        // A refusal is followed by a close code that carries the verdict; without one the guard below ends the wait.
        this.resumeToken = undefined
        if (error.code === 'timeout') this.lost(1006)
      },
    )
  }

  private welcomed(ready: Ready & { convs?: Recovery[] }): void {
    clearTimeout(this.guard)
    this.attempt = 0
    this.resumeToken = ready.resume_token
    this.become({ kind: 'online' })
    this.scheduleBeat(this.heartbeatMs * this.random())
    this.options.onReady(ready, ready.convs)
  }

  private scheduleBeat(afterMs: number): void {
    clearTimeout(this.beat)
    this.beat = setTimeout(() => {
      if (this.now() - this.lastHeard > this.heartbeatMs * 2.5) {
        this.lost(4009)
        return
      }
      this.write({ op: 'ping' })
      this.scheduleBeat(this.heartbeatMs)
    }, afterMs)
  }

  private lost(code: number): void {
    if (this.state.kind === 'online') this.lostAt = this.now()
    this.drop()
    const then = verdict(code, this.bye, this.random())
    switch (then.kind) {
      case 'stop':
        this.halt(then.reason)
        return
      case 'fresh':
        this.resumeToken = undefined
        this.later(this.attempt === 0 ? then.afterMs : backoffMs(this.attempt, this.random()))
        return
      case 'resume':
        this.later(this.attempt === 0 ? then.afterMs : Math.max(then.afterMs, backoffMs(this.attempt, this.random())))
        return
      case 'backoff':
        this.later(backoffMs(this.attempt, this.random()))
    }
  }

  private later(delayMs: number): void {
    clearTimeout(this.retry)
    this.become({ kind: 'waiting', attempt: this.attempt, until: this.now() + delayMs })
    this.attempt += 1
    this.retry = setTimeout(() => void this.connect(), delayMs)
  }

  private halt(reason: StopReason): void {
    this.drop()
    this.resumeToken = undefined
    this.become({ kind: 'stopped', reason })
  }

  /** Ends the present link, if any; late events of it are not heard any more. */
  private drop(code?: number): void {
    this.generation += 1
    for (const timer of [this.beat, this.retry, this.guard, this.probing]) clearTimeout(timer)
    this.probing = undefined
    const link = this.link
    this.link = undefined
    if (link) {
      link.onmessage = link.onclose = link.onerror = link.onopen = null
      if (link.readyState < 2) link.close(code)
    }
    const waiting = [...this.waiting.values()]
    this.waiting.clear()
    for (const one of waiting) {
      clearTimeout(one.timer)
      one.reject(new FrameError('disconnected', 'the link ended', true))
    }
  }

  private become(state: LinkState): void {
    this.state = state
    this.options.onState?.(state)
  }

  private now(): number {
    return (this.options.now ?? Date.now)()
  }

  private random(): number {
    return (this.options.random ?? Math.random)()
  }
}
