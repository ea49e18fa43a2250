import { reactive } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { recordings } from '../src/console/desk/recordings'
import type { TicketOffice } from '../src/console/desk/ticket'
import type { PieceStore } from '../src/rtc/pieces'
import { fresh, type BoothState } from '../src/rtc/state'
import { memory } from './store'

const made = vi.hoisted(() => ({ works: true, all: [] as { piece: (data: Blob) => void; ended: () => void; stopped: boolean; saw: unknown[] }[] }))
const disk = vi.hoisted(() => ({ store: undefined as PieceStore | undefined }))

vi.mock('../src/rtc/recorder', () => ({
  PIECE_MS: 5000,
  CallRecorder: class {
    type = 'video/webm'
    stopped = false
    saw: unknown[] = []
    constructor(options: { piece: (data: Blob) => void; ended: () => void }) {
      if (!made.works) throw new Error('this browser cannot record')
      made.all.push(Object.assign(this, options))
    }
    attach(...streams: unknown[]): void {
      this.saw = streams
    }
    start(): void {}
    stop(): void {
      this.stopped = true
    }
  },
}))
vi.mock('../src/rtc/pieces', async (original) => ({ ...(await original<object>()), pieceStore: () => disk.store }))

const office = { csrf: () => '', renew: () => Promise.resolve(false) } as unknown as TicketOffice
const settle = () => vi.advanceTimersByTimeAsync(0)
const recorder = () => made.all.at(-1) as (typeof made.all)[number]
let sent: string[]

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('navigator', {})
  sent = []
  vi.stubGlobal('fetch', (path: string) => (sent.push(path.split('/').pop() ?? ''), Promise.resolve({ ok: true, text: () => Promise.resolve('') })))
  made.works = true
  disk.store = memory()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function desk() {
  const failed = vi.fn()
  const broke = vi.fn()
  const tapes = recordings(office, failed)
  const state = reactive({ allowed: undefined, elsewhere: false, ...fresh() }) as BoothState
  tapes.begin('w1', 'r1', state, broke)
  return { tapes, state, failed, broke }
}

describe('a recording at the desk', () => {
  it('goes up in pieces and ends when it is stopped', async () => {
    const { tapes, broke } = desk()
    await vi.advanceTimersByTimeAsync(2000)
    expect(tapes.state.uploading).toBe(1)
    recorder().piece(new Blob(['x']))
    await settle()
    tapes.end()
    recorder().ended()
    await settle()
    expect(sent).toEqual(['0', 'finish'])
    expect(recorder().stopped).toBe(true)
    expect(broke).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(2000)
    expect(tapes.state.uploading).toBe(0)
  })

  it('says so when the browser cannot record', () => {
    made.works = false
    expect(desk().broke).toHaveBeenCalledExactlyOnceWith('record_broken')
  })

  it('says so when the browser ends it, and what there is goes up', async () => {
    const { broke } = desk()
    recorder().piece(new Blob(['x']))
    recorder().ended()
    await settle()
    expect(broke).toHaveBeenCalledExactlyOnceWith('record_broken')
    expect(sent).toEqual(['0', 'finish'])
  })

  it('stops, and says so, when the device can keep no more', async () => {
    const { broke, failed } = desk()
    await settle()
    Object.assign(disk.store ?? {}, { put: () => Promise.reject(new Error('the disk is full')) })
    recorder().piece(new Blob(['x']))
    await settle()
    expect(broke).toHaveBeenCalledExactlyOnceWith('record_unkept')
    expect(failed).toHaveBeenCalled()
    expect(recorder().stopped).toBe(true)
  })

  it('follows the picture that comes later', async () => {
    const { state } = desk()
    const screen = {} as MediaStream
    state.screen = screen
    await settle()
    expect(recorder().saw[2]).toStrictEqual(screen)
  })
})
