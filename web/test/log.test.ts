import { describe, expect, it } from 'vitest'
import { ConversationLog, fold } from '../src/wire/log'
import type { Envelope } from '../src/wire/protocol'
import { message } from './message'

function log(...seqs: number[]): ConversationLog {
  const one = new ConversationLog('c1', 'e1')
  one.seed(seqs.map((seq) => message(seq)), false)
  return one
}
const seqs = (one: ConversationLog) => one.messages.map(({ seq }) => seq)

describe('conversation log', () => {
  it('applies what follows, ignores what it has, reports what is missing', () => {
    const one = log(1, 2)
    expect(one.apply(2, message(3))).toBe('applied')
    expect(one.apply(2, message(3))).toBe('duplicate')
    expect(one.apply(1, message(2))).toBe('duplicate')
    expect(one.apply(4, message(5))).toBe('gap')
    expect(seqs(one)).toEqual([1, 2, 3])
    expect(one.cursor).toBe(3)
  })

  it('follows prev, so messages hidden from this receiver are no gap', () => {
    const one = log(1, 2)
    expect(one.apply(2, message(5))).toBe('applied')
    expect(one.apply(5, message(6))).toBe('applied')
    expect(one.cursor).toBe(6)
  })

  it('keeps pushes that come before history and puts them in their place', () => {
    const one = new ConversationLog('c1', 'e1')
    expect(one.apply(3, message(4))).toBe('waiting')
    expect(one.apply(2, message(3))).toBe('waiting')
    expect(one.seed([message(1), message(2), message(3)], false)).toBe(false)
    expect(seqs(one)).toEqual([1, 2, 3, 4])
  })

  it('asks for a sync when early pushes do not join history', () => {
    const one = new ConversationLog('c1', 'e1')
    one.apply(8, message(9))
    expect(one.seed([message(1)], false)).toBe(true)
    expect(one.recover([message(4), message(9)])).toBe(false)
    expect(seqs(one)).toEqual([1, 4, 9])
    expect(one.cursor).toBe(9)
  })

  it('recovers and pages without doubling', () => {
    const one = log(5, 6)
    one.recover([message(6), message(7)])
    one.prepend([message(3), message(4), message(5)], true)
    expect(seqs(one)).toEqual([3, 4, 5, 6, 7])
    expect(one.cursor).toBe(7)
    expect(one.hasOlder).toBe(true)
  })

  it('a second copy replaces the first: the echo of an own message brings its signed address', () => {
    const one = log(1)
    one.apply(1, message(2, { type: 'image', body: { media: { id: 'm_1', mime: 'image/png' } } } as Partial<Envelope>))
    one.apply(1, message(2, { type: 'image', body: { media: { id: 'm_1', mime: 'image/png', url: '/media/m_1?sig=x' } } } as Partial<Envelope>))
    expect(one.messages[1]?.body).toEqual({ media: { id: 'm_1', mime: 'image/png', url: '/media/m_1?sig=x' } })
    expect(one.messages).toHaveLength(2)
  })

  it('is void after a new epoch', () => {
    const one = log(1, 2)
    one.reset('e2')
    expect(one.loaded).toBe(false)
    expect(one.apply(0, message(1))).toBe('waiting')
    one.seed([message(1)], false)
    expect(seqs(one)).toEqual([1])
  })

  it('remembers delivery states that arrive before their message', () => {
    const one = log(1)
    one.receipt({ conv: 'c1', id: 'm2', seq: 2, state: 'failed', code: '45015' })
    one.apply(1, message(2))
    expect(one.deliveryOf(message(2))).toEqual({ state: 'failed', code: '45015' })
  })

  it('knows which blobs are on their way, whatever comes first', () => {
    const picture = (seq: number, url?: string) => message(seq, { type: 'image', body: { media: { id: `m_${seq}`, mime: 'image/jpeg', ...(url && { url }) } } } as Partial<Envelope>)
    const push = (seq: number, state: 'ready' | 'failed') => ({ conv: 'c1', id: `m_${seq}`, mime: 'image/png', state, ...(state === 'ready' && { url: `/media/m_${seq}` }) })
    const one = log()
    expect(one.lacking(0)).toBeUndefined()
    one.media(push(1, 'ready'))
    for (const seq of [1, 2, 3, 4]) one.apply(seq - 1, picture(seq))
    expect(one.messages[0]?.body).toEqual({ media: { id: 'm_1', mime: 'image/png', url: '/media/m_1', failed: false } })
    expect(one.lacking(0)).toBe(2)
    one.media(push(2, 'failed'))
    expect(one.messages[1]?.body).toEqual({ media: { id: 'm_2', mime: 'image/png', failed: true } })
    expect(one.lacking(0)).toBe(3)
    expect(one.lacking(4)).toBe(4)
    one.replace([picture(3, '/media/m_3'), picture(4, '/media/m_4')])
    expect(one.lacking(0)).toBeUndefined()
    expect(seqs(one)).toEqual([1, 2, 3, 4])
  })

  it('puts the address of a blob into its message', () => {
    const one = log()
    one.apply(0, message(1, { type: 'image', body: { media: { id: 'm_7', mime: 'image/jpeg' } } } as Partial<Envelope>))
    one.media({ conv: 'c1', id: 'm_7', mime: 'image/png', size: 9, url: '/media/m_7', state: 'ready' })
    expect(one.messages[0]?.body).toEqual({ media: { id: 'm_7', mime: 'image/png', size: 9, url: '/media/m_7', failed: false } })
  })
})

describe('edits and recalls', () => {
  const agent = { role: 'agent' as const, id: 'li' }

  it('fold into the original', () => {
    const folded = fold([message(1, { from: agent }), message(2), message(3, { from: agent, replaces: 'm1', body: { text: '改过' } } as Partial<Envelope>)])
    expect(folded.map(({ envelope }) => envelope.seq)).toEqual([1, 2])
    expect(folded[0]).toMatchObject({ edited: true, content: { body: { text: '改过' } } })
  })

  it('empty a recalled message', () => {
    const folded = fold([message(1, { from: agent }), message(2, { from: agent, type: 'recall', body: { target: 'm1' } } as Partial<Envelope>)])
    expect(folded).toHaveLength(1)
    expect(folded[0]?.recalled).toBe(true)
  })

  it('do nothing to the words of somebody else', () => {
    const folded = fold([message(1), message(2, { from: agent, replaces: 'm1', body: { text: '冒充' } } as Partial<Envelope>), message(3, { from: agent, type: 'recall', body: { target: 'm1' } } as Partial<Envelope>)])
    expect(folded).toHaveLength(1)
    expect(folded[0]).toMatchObject({ edited: false, recalled: false, content: { body: { text: '第1条' } } })
  })
})
