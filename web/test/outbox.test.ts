import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FrameError } from '../src/wire/client'
import { Drafts } from '../src/wire/drafts'
import { Outbox } from '../src/wire/outbox'
import type { SendReply, SendRequest } from '../src/wire/protocol'
import { MemoryStorage, PageStorage } from '../src/wire/store'

const request = (cid: string, conv = 'c1'): SendRequest => ({ conv, cid, type: 'text', body: { text: cid } })
const reply = (seq: number): SendReply => ({ id: `m${seq}`, seq, ts: '2026-11-23T00:00:00Z', dup: false })

function setup(send: (request: SendRequest) => Promise<SendReply>, storage = new MemoryStorage()) {
  const accepted: string[] = []
  const sent: string[] = []
  const outbox = new Outbox({
    storage, key: 'box', random: () => 0,
    send: (one) => {
      sent.push(one.cid)
      return send(one)
    },
    accepted: (item) => {
      accepted.push(item.request.cid)
      outbox.remove(item.request.cid)
    },
  })
  return { outbox, accepted, sent, storage }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())
const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

describe('outbox', () => {
  it('sends one message of a conversation after the other', async () => {
    const answers: ((value: SendReply) => void)[] = []
    const { outbox, sent, accepted } = setup(() => new Promise((resolve) => answers.push(resolve)))
    outbox.resume()
    outbox.add(request('a'))
    outbox.add(request('b'))
    outbox.add(request('x', 'c2'))
    await tick()
    expect(sent).toEqual(['a', 'x'])
    answers[0]?.(reply(1))
    await tick()
    expect(sent).toEqual(['a', 'x', 'b'])
    expect(accepted).toEqual(['a'])
  })

  it('keeps what was not accepted over a cut and a reload, with the same cid', async () => {
    const first = setup(() => Promise.reject(new FrameError('disconnected', '', true)))
    first.outbox.resume()
    first.outbox.add(request('a'))
    await tick()
    expect(first.outbox.items).toHaveLength(1)
    const second = setup(() => Promise.resolve(reply(1)), first.storage)
    expect(second.sent).toEqual([])
    second.outbox.resume()
    await tick()
    expect(second.sent).toEqual(['a'])
    expect(second.storage.get('box')).toBeUndefined()
  })

  it('repeats what timed out, under the same cid, and keeps the order', async () => {
    let tries = 0
    const { outbox, sent } = setup(() => (++tries < 3 ? Promise.reject(new FrameError('timeout', '', true)) : Promise.resolve(reply(tries))))
    outbox.resume()
    outbox.add(request('a'))
    outbox.add(request('b'))
    await tick(10_000)
    expect(sent).toEqual(['a', 'a', 'a', 'b'])
  })

  it('waits as long as the server asks', async () => {
    let tries = 0
    const { outbox, sent } = setup(() => (++tries < 2 ? Promise.reject(new FrameError('rate_limited', '', true, 5000)) : Promise.resolve(reply(1))))
    outbox.resume()
    outbox.add(request('a'))
    await tick(4999)
    expect(sent).toHaveLength(1)
    await tick(1)
    expect(sent).toHaveLength(2)
  })

  it('shows a refusal, goes on with the next, and tries again only when asked', async () => {
    const { outbox, sent, accepted } = setup((one) => (one.cid === 'a' && sent.length === 1 ? Promise.reject(new FrameError('not_in_control', '', false)) : Promise.resolve(reply(1))))
    outbox.resume()
    outbox.add(request('a'))
    outbox.add(request('b'))
    await tick()
    expect(outbox.find('a')).toMatchObject({ state: 'failed', code: 'not_in_control' })
    expect(accepted).toEqual(['b'])
    outbox.retry('a')
    await tick()
    expect(accepted).toEqual(['b', 'a'])
  })

  it('survives a broken store', () => {
    const storage = new MemoryStorage()
    storage.set('box', '{not json')
    expect(setup(() => Promise.resolve(reply(1)), storage).outbox.items).toEqual([])
  })
})

describe('storage', () => {
  it('keeps what a full or forbidden store refuses, for the life of the page', () => {
    const full = { getItem: () => null, removeItem: () => undefined, setItem: () => { throw new Error('quota') } } as unknown as globalThis.Storage
    const storage = new PageStorage(full)
    storage.set('k', 'v')
    expect(storage.get('k')).toBe('v')
    storage.set('k', undefined)
    expect(storage.get('k')).toBeUndefined()
  })

  it('keeps a draft per conversation and forgets an empty one', () => {
    const storage = new MemoryStorage()
    const drafts = new Drafts(storage, 'demo.li')
    drafts.set('c1', '您好')
    drafts.set('c2', '再见')
    drafts.set('c2', '')
    expect(drafts.get('c1')).toBe('您好')
    expect(storage.keys('yz.draft.')).toEqual(['yz.draft.demo.li.c1'])
  })
})
