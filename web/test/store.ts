/** Pieces of recordings, kept for the time of a test. */
import type { PieceStore, Recording } from '../src/rtc/pieces'

export function memory(): PieceStore & { left: () => number } {
  const entries = new Map<string, Recording>()
  const pieces = new Map<string, Map<number, Blob>>()
  const of = (id: string) => pieces.get(id) ?? new Map<number, Blob>()
  return {
    left: () => entries.size + [...pieces.values()].reduce((sum, one) => sum + one.size, 0),
    recordings: () => Promise.resolve([...entries.values()]),
    put: (entry, seq, data) => {
      entries.set(entry.id, entry)
      if (data) pieces.set(entry.id, of(entry.id).set(seq ?? 0, data))
      return Promise.resolve()
    },
    piece: (id, seq) => Promise.resolve(of(id).get(seq)),
    waiting: (id) => Promise.resolve([...of(id).keys()].sort((a, b) => a - b)),
    drop: (id, seq) => {
      if (seq !== undefined) of(id).delete(seq)
      else {
        entries.delete(id)
        pieces.delete(id)
      }
      return Promise.resolve()
    },
  }
}
