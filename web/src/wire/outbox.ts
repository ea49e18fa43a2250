/** Messages that were written but not yet accepted. They survive a reload and are repeated under the same cid. Knows no page. */
import { FrameError } from './client'
import { backoffMs } from './backoff'
import type { SendReply, SendRequest } from './protocol'
import type { Storage } from './store'

export interface Unsent {
  request: SendRequest
  at: number
  state: 'sending' | 'sent' | 'failed'
  /** Why it was refused; only with `failed`. */
  code?: string
  message?: string
  /** The server's answer; only with `sent`, until the log has the message. */
  reply?: SendReply
}

export interface OutboxOptions {
  storage: Storage
  key: string
  send: (request: SendRequest) => Promise<SendReply>
  /** After acceptance, so that the log can take the message over. */
  accepted: (item: Unsent, reply: SendReply) => void
  changed?: () => void
  now?: () => number
  random?: () => number
}

const RETRIES = 6

export class Outbox {
  items: Unsent[] = []
  private online = false
  private readonly busy = new Set<string>()

  constructor(private readonly options: OutboxOptions) {
    this.items = load(options.storage.get(options.key))
  }

  /** Takes a message; it is on disk before the first attempt. */
  add(request: SendRequest): Unsent {
    this.items.push({ request, at: (this.options.now ?? Date.now)(), state: 'sending' })
    this.save()
    void this.pump(request.conv)
    return this.items[this.items.length - 1] as Unsent
  }

  /** The link is up: everything that is not accepted goes out again. */
  resume(): void {
    this.online = true
    for (const conv of new Set(this.items.map((item) => item.request.conv))) void this.pump(conv)
  }

  pause(): void {
    this.online = false
  }

  /** The person wants to try a refused message again. */
  retry(cid: string): void {
    const item = this.find(cid)
    if (item?.state !== 'failed') return
    item.state = 'sending'
    delete item.code
    delete item.message
    this.save()
    void this.pump(item.request.conv)
  }

  /** Forgets a message: refused and given up, or now part of the log. */
  remove(cid: string): void {
    const before = this.items.length
    this.items = this.items.filter((item) => item.request.cid !== cid)
    if (this.items.length !== before) this.save()
  }

  of(conv: string): Unsent[] {
    return this.items.filter((item) => item.request.conv === conv)
  }

  find(cid: string): Unsent | undefined {
    return this.items.find((item) => item.request.cid === cid)
  }

  /** One message of a conversation at a time, so that their order is the order of writing. */
  private async pump(conv: string): Promise<void> {
    if (this.busy.has(conv)) return
    this.busy.add(conv)
    try {
      for (let attempt = 0; this.online; ) {
        const item = this.items.find((one) => one.request.conv === conv && one.state === 'sending')
        if (!item) return
        const outcome = await this.attempt(item)
        if (outcome === 'offline') return
        if (outcome === 'done') attempt = 0
        else {
          attempt += 1
          if (attempt >= RETRIES) {
            this.refuse(item, outcome)
            attempt = 0
          } else await wait(Math.max(outcome.afterMs, backoffMs(attempt - 1, (this.options.random ?? Math.random)())))
        }
      }
    } finally {
      this.busy.delete(conv)
    }
  }

  private async attempt(item: Unsent): Promise<'done' | 'offline' | FrameError> {
    const { cid } = item.request
    try {
      const reply = await this.options.send(item.request)
      const current = this.find(cid)
      if (current) {
        current.state = 'sent'
        current.reply = reply
        this.save()
        this.options.accepted(current, reply)
      }
      return 'done'
    } catch (thrown) {
      const error = thrown instanceof FrameError ? thrown : new FrameError('internal', String(thrown), false)
      if (error.code === 'disconnected') return 'offline'
      if (error.retry) return error
      this.refuse(item, error)
      return 'done'
    }
  }

  private refuse(item: Unsent, error: FrameError): void {
    const current = this.find(item.request.cid)
    if (!current) return
    current.state = 'failed'
    current.code = error.code
    current.message = error.message
    this.save()
  }

  private save(): void {
    this.options.storage.set(this.options.key, this.items.length ? JSON.stringify(this.items) : undefined)
    this.options.changed?.()
  }
}

function load(text: string | undefined): Unsent[] {
  if (!text) return []
  try {
    const items = JSON.parse(text) as Unsent[]
    // An answer without its message in the log is asked for again; the server knows the cid.
    return items.map((item) => (item.state === 'failed' ? item : { request: item.request, at: item.at, state: 'sending' }))
  } catch {
    return []
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
