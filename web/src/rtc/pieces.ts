/** The pieces of recordings between the recorder and the gateway. They outlive a reload or a crash of the page, and leave the device once the gateway has them. */
import { backoffMs } from '../wire/backoff'
import type { Claims } from './claims'
import { PIECE_MS } from './recorder'

/** What nobody takes for so long is let go. */
const KEPT_MS = 24 * 3_600_000
/** Where pages do not see each other, a recording without a piece for so long has lost its page. */
const SILENT_MS = 60_000

/** A recording on its way. */
export interface Recording {
  id: string
  call: string
  type: string
  began: number
  /** How many pieces there are. */
  pieces: number
  /** Known once it is over; a recording whose page died is over at its last piece. */
  ms?: number
}

export interface PieceStore {
  recordings(): Promise<Recording[]>
  put(recording: Recording, seq?: number, data?: Blob): Promise<void>
  piece(recording: string, seq: number): Promise<Blob | undefined>
  /** The numbers of the pieces that are still here, in order. */
  waiting(recording: string): Promise<number[]>
  drop(recording: string, seq?: number): Promise<void>
}

export interface Freight {
  /** Resolves when the gateway has the piece for good. `false`: it does not take it from this page. */
  piece(recording: Recording, seq: number, data: Blob): Promise<boolean>
  finish(recording: Recording): Promise<boolean>
}

/** Carries pieces in order, one at a time, for as long as it takes. */
export class PieceCarrier {
  private readonly live = new Set<string>()
  private readonly running = new Set<string>()
  /** Were asked for once more while they ran. */
  private readonly again = new Set<string>()
  /** Are not taken from whoever is signed in here: another page may have more luck. */
  private readonly refused = new Set<string>()
  private readonly held = new Map<string, () => void>()
  private stopped = false
  private wake: (() => void) | undefined

  constructor(
    private readonly store: PieceStore,
    private readonly freight: Freight,
    private readonly claims: Claims,
    private readonly random: () => number = Math.random,
    private readonly now: () => number = Date.now,
  ) {}

  /** What pages that are gone have left behind; their recordings are over. Those of other pages that are there are left alone. */
  async recover(): Promise<void> {
    for (const { id } of await this.store.recordings()) {
      if (this.live.has(id) || this.running.has(id) || this.refused.has(id) || !(await this.claim(id))) continue
      const recording = await this.find(id)
      if (recording && recording.ms === undefined) await this.store.put({ ...recording, ms: recording.pieces * PIECE_MS })
      this.carry(id)
    }
  }

  async begin(recording: Recording): Promise<void> {
    this.live.add(recording.id)
    // Without a claim it is recorded all the same.
    await this.take(recording.id).catch(() => false)
    await this.store.put(recording)
  }

  /** Rejects when the device cannot keep it: then nothing may follow. */
  async add(recording: Recording, data: Blob): Promise<void> {
    const seq = recording.pieces
    await this.store.put({ ...recording, pieces: seq + 1 }, seq, data)
    recording.pieces = seq + 1
    this.carry(recording.id)
  }

  async end(recording: Recording): Promise<void> {
    await this.store.put({ ...recording })
    this.live.delete(recording.id)
    this.carry(recording.id)
  }

  /** Recordings that this page makes or carries. */
  get inHand(): number {
    return this.held.size
  }

  /** The network may be back. */
  nudge(): void {
    this.wake?.()
  }

  stop(): void {
    this.stopped = true
    this.wake?.()
  }

  private async take(id: string): Promise<boolean> {
    const back = await this.claims.take(id)
    if (back) this.held.set(id, back)
    return back !== undefined
  }

  private async claim(id: string): Promise<boolean> {
    if (!this.claims.certain) {
      const recording = await this.find(id)
      const heard = recording && recording.ms === undefined ? recording.began + recording.pieces * PIECE_MS : 0
      if (this.now() - heard < SILENT_MS) return false
    }
    return this.take(id).catch(() => false)
  }

  private async find(id: string): Promise<Recording | undefined> {
    return (await this.store.recordings()).find((one) => one.id === id)
  }

  private carry(id: string): void {
    if (this.running.has(id)) return void this.again.add(id)
    this.running.add(id)
    void this.loop(id).finally(() => {
      this.running.delete(id)
      if (this.again.delete(id) && !this.stopped) this.carry(id)
      else if (!this.live.has(id)) this.giveBack(id)
    })
  }

  private giveBack(id: string): void {
    this.held.get(id)?.()
    this.held.delete(id)
  }

  private async loop(id: string): Promise<void> {
    let failures = 0
    while (!this.stopped) {
      const done = await this.step(id).catch(() => 'failed' as const)
      if (done === 'nothing') return
      failures = done === 'failed' ? failures + 1 : 0
      if (failures) await this.pause(backoffMs(failures, this.random()))
    }
  }

  /** One piece, or the end. */
  private async step(id: string): Promise<'nothing' | 'more' | 'failed'> {
    const [seq] = await this.store.waiting(id)
    const recording = await this.find(id)
    if (!recording) return 'nothing'
    if (seq === undefined) {
      if (recording.ms === undefined || this.live.has(id)) return 'nothing'
      // One without a piece is closed by the gateway alone.
      if (recording.pieces === 0 || (await this.freight.finish(recording))) await this.store.drop(id)
      else await this.refuse(recording)
      return 'nothing'
    }
    const data = await this.store.piece(id, seq)
    if (data && !(await this.freight.piece(recording, seq, data))) {
      await this.refuse(recording)
      return 'nothing'
    }
    await this.store.drop(id, seq)
    return 'more'
  }

  /** Another agent may be signed in here now; whoever recorded comes back, or nobody does. */
  private async refuse({ id, began }: Recording): Promise<void> {
    if (this.now() - began > KEPT_MS) await this.store.drop(id)
    else this.refused.add(id)
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** In IndexedDB. Every promise rejects when the browser forbids or has lost it. */
export function pieceStore(name = 'yizhan-recordings'): PieceStore {
  let opened: Promise<IDBDatabase> | undefined
  const database = () =>
    (opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const asked = indexedDB.open(name, 1)
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore('recording', { keyPath: 'id' })
        asked.result.createObjectStore('piece')
      }
      asked.onsuccess = () => resolve(asked.result)
      asked.onerror = () => reject(asked.error ?? new Error('no database'))
    }))
  async function within<T>(mode: IDBTransactionMode, work: (recording: IDBObjectStore, piece: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = (await database()).transaction(['recording', 'piece'], mode)
    const request = work(transaction.objectStore('recording'), transaction.objectStore('piece'))
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error('not stored'))
    })
  }
  const all = (id: string) => IDBKeyRange.bound([id], [id, []])
  return {
    recordings: () => within('readonly', (recording) => recording.getAll() as IDBRequest<Recording[]>),
    put: async (entry, seq, data) => {
      await within('readwrite', (recording, piece) => {
        if (data) piece.put(data, [entry.id, seq ?? 0])
        return recording.put(entry)
      })
    },
    piece: (id, seq) => within('readonly', (_, piece) => piece.get([id, seq]) as IDBRequest<Blob | undefined>),
    waiting: async (id) => (await within('readonly', (_, piece) => piece.getAllKeys(all(id)))).map((key) => (key as [string, number])[1]),
    drop: async (id, seq) => {
      await within('readwrite', (recording, piece) => {
        if (seq !== undefined) return piece.delete([id, seq])
        piece.delete(all(id))
        return recording.delete(id)
      })
    },
  }
}
