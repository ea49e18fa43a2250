/** What this device has of one conversation, in order and without holes. Knows no socket and no page. */
import type { Content, Delivery, Envelope, Media, Pushes, Receipt } from './protocol'

export type Applied = 'applied' | 'duplicate' | 'gap' | 'waiting'

export class ConversationLog {
  /** Ascending by seq, each once. */
  messages: Envelope[] = []
  /** The highest seq up to which nothing visible is missing. */
  cursor = 0
  loaded = false
  hasOlder = true
  /** Delivery states by message id; they may arrive before the message. */
  deliveries: Record<string, Delivery> = {}
  /** What is known about blobs; it may be known before their message. */
  private readonly blobs: Record<string, Pushes['media']> = {}
  private early: { prev: number; envelope: Envelope }[] = []

  constructor(
    readonly conv: string,
    public epoch: string,
  ) {}

  /** A pushed message. `gap` asks the caller to sync from the cursor; `waiting` means that history is still on its way. */
  apply(prev: number | undefined, envelope: Envelope): Applied {
    if (!this.loaded) {
      this.early.push({ prev: prev ?? envelope.seq - 1, envelope })
      return 'waiting'
    }
    if (envelope.seq <= this.cursor) {
      this.store(envelope)
      return 'duplicate'
    }
    if ((prev ?? envelope.seq - 1) !== this.cursor) return 'gap'
    this.store(envelope)
    this.cursor = envelope.seq
    return 'applied'
  }

  /** The newest page of history. Returns whether messages that came meanwhile leave a gap. */
  seed(messages: readonly Envelope[], hasOlder: boolean): boolean {
    for (const message of messages) this.store(message)
    this.cursor = messages.reduce((top, message) => Math.max(top, message.seq), this.cursor)
    this.hasOlder = hasOlder
    this.loaded = true
    return this.replayEarly()
  }

  /** Everything after the cursor, as `resume` and `sync` return it. */
  recover(messages: readonly Envelope[]): boolean {
    for (const message of messages) this.store(message)
    this.cursor = messages.reduce((top, message) => Math.max(top, message.seq), this.cursor)
    return this.replayEarly()
  }

  prepend(messages: readonly Envelope[], hasOlder: boolean): void {
    for (const message of messages) this.store(message)
    this.hasOlder = hasOlder
  }

  /** The server rebuilt the log, or cannot recover: what is here is void until history is loaded again. */
  reset(epoch: string): void {
    this.epoch = epoch
    this.messages = []
    this.cursor = 0
    this.loaded = false
    this.hasOlder = true
    this.early = []
  }

  receipt(receipt: Receipt): void {
    if (receipt.state === undefined) return
    const id = receipt.id ?? this.messages.find((message) => message.seq === receipt.seq)?.id
    if (id === undefined) return
    const delivery: Delivery = { state: receipt.state }
    if (receipt.code !== undefined) delivery.code = receipt.code
    if (receipt.detail !== undefined) delivery.detail = receipt.detail
    this.deliveries[id] = delivery
  }

  deliveryOf(envelope: Envelope): Delivery | undefined {
    return this.deliveries[envelope.id] ?? envelope.delivery
  }

  /** The bytes of a blob have arrived, or never will. */
  media(push: Pushes['media']): void {
    this.blobs[push.id] = push
    for (const message of this.messages) if (mediaOf(message)?.id === push.id) arrive(message, push)
  }

  /** Newer copies of messages that are here. */
  replace(messages: readonly Envelope[]): void {
    this.prepend(messages, this.hasOlder)
  }

  /** The first message from `seq` on whose blob is still on its way, as far as is known here. */
  lacking(seq: number): number | undefined {
    return this.messages.find((message) => {
      const media = mediaOf(message)
      return message.seq >= seq && media !== undefined && media.url === undefined && !media.failed
    })?.seq
  }

  hasCid(cid: string): boolean {
    return this.messages.some((message) => message.cid === cid)
  }

  find(id: string): Envelope | undefined {
    return this.messages.find((message) => message.id === id)
  }

  private replayEarly(): boolean {
    const early = this.early.sort((a, b) => a.envelope.seq - b.envelope.seq)
    this.early = []
    return early.map(({ prev, envelope }) => this.apply(prev, envelope)).includes('gap')
  }

  private store(envelope: Envelope): void {
    const known = this.blobs[mediaOf(envelope)?.id ?? '']
    if (known) arrive(envelope, known)
    let at = this.messages.length
    while (at > 0 && (this.messages[at - 1]?.seq ?? 0) > envelope.seq) at -= 1
    if (at > 0 && this.messages[at - 1]?.seq === envelope.seq) this.messages[at - 1] = envelope
    else this.messages.splice(at, 0, envelope)
  }
}

export function mediaOf(envelope: Envelope): Media | undefined {
  return (envelope.body as { media?: Media }).media
}

function arrive(envelope: Envelope, push: Pushes['media']): void {
  const media = mediaOf(envelope)
  if (!media) return
  const url = push.url ?? media.url
  ;(envelope.body as { media: Media }).media = {
    ...media, mime: push.mime || media.mime, failed: push.state === 'failed', ...(url !== undefined && push.state === 'ready' && { url }), ...(typeof push.size === 'number' && { size: push.size }),
  }
}

/** A message as it reads now: edits folded into the original, withdrawn ones emptied. */
export interface Folded {
  envelope: Envelope
  content: Content
  edited: boolean
  recalled: boolean
}

/** Folds edits and recalls. An edit only counts when it comes from the author of the original. */
export function fold(messages: readonly Envelope[]): Folded[] {
  const byId = new Map<string, Folded>()
  const result: Folded[] = []
  for (const envelope of messages) {
    const target = envelope.type === 'recall' ? envelope.body.target : envelope.replaces
    if (target !== undefined) {
      const original = byId.get(target)
      if (original && sameAuthor(original.envelope, envelope)) {
        if (envelope.type === 'recall') original.recalled = true
        else {
          original.content = { type: envelope.type, body: envelope.body } as Content
          original.edited = true
        }
      }
      continue
    }
    const folded: Folded = { envelope, content: envelope, edited: false, recalled: false }
    byId.set(envelope.id, folded)
    result.push(folded)
  }
  return result
}

function sameAuthor(a: Envelope, b: Envelope): boolean {
  return a.from.role === b.from.role && a.from.id === b.from.id
}
