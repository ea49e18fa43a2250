/** A message as the server writes it, for tests. */
import type { Envelope } from '../src/wire/protocol'

export function message(seq: number, over: Partial<Envelope> = {}): Envelope {
  return {
    v: 1, id: `m${seq}`, tenant: 'demo', conv: 'c1', seq, ts: '2026-11-23T00:00:00.000Z', from: { role: 'contact', id: 'ct1' }, visibility: 'all',
    type: 'text', body: { text: `第${seq}条` }, fallback: `第${seq}条`, channel: { kind: 'web', account: 'site' }, control_epoch: 1, ...over,
  } as Envelope
}
