import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CallRecorder } from '../src/rtc/recorder'
import { FakeStream, FakeTrack } from './booth'

const drawn: object[] = []
const written: { kinds: string[]; type: string }[] = []
const node = { connect: () => undefined, disconnect: () => undefined }

/** Of the browser what a recorder needs: one canvas, video elements that show what they are given, a writer that writes nothing. */
beforeEach(() => {
  vi.useFakeTimers()
  drawn.length = written.length = 0
  const canvas = {
    getContext: () => ({ fillRect: () => undefined, drawImage: (element: object) => drawn.push(element) }),
    captureStream: () => new FakeStream([new FakeTrack('video')]),
  }
  const video = () => ({ srcObject: null as object | null, videoWidth: 640, videoHeight: 360, play: () => Promise.resolve() })
  vi.stubGlobal('document', { createElement: (name: string) => (name === 'canvas' ? canvas : video()) })
  vi.stubGlobal('MediaStream', FakeStream)
  vi.stubGlobal('AudioContext', class {
    createMediaStreamDestination = () => ({ stream: new FakeStream([new FakeTrack('audio')]) })
    createMediaStreamSource = () => node
    resume = () => Promise.resolve()
    close = () => Promise.resolve()
  })
  vi.stubGlobal('MediaRecorder', class {
    static isTypeSupported = (type: string) => type.includes('webm')
    state = 'inactive'
    constructor(stream: FakeStream, { mimeType }: { mimeType: string }) {
      written.push({ kinds: stream.getTracks().map(({ kind }) => kind), type: mimeType })
    }
    start = () => undefined
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const stream = (...kinds: ('audio' | 'video')[]) => new FakeStream(kinds.map((kind) => new FakeTrack(kind))) as unknown as MediaStream

it('a recording that begins with sound has room for the picture that comes later', () => {
  const recorder = new CallRecorder({ piece: () => undefined, ended: () => undefined })
  recorder.attach(stream('audio'), stream('audio'))
  recorder.start()
  vi.advanceTimersByTime(3000)
  expect(written).toEqual([{ kinds: ['audio', 'video'], type: 'video/webm;codecs=vp8,opus' }])
  expect(drawn).toEqual([])
  recorder.attach(stream('audio'), stream('audio', 'video'))
  vi.advanceTimersByTime(1000)
  expect(drawn.length).toBeGreaterThan(10)
})
