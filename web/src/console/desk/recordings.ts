/** Recordings of this agent's calls: made here, kept here until the gateway has them. Knows no component. */
import { reactive, watch, type WatchStopHandle } from 'vue'
import type { BoothState } from '../../rtc/state'
import type { Broken, Recorder } from '../../rtc/tape'
import { pageClaims } from '../../rtc/claims'
import { PieceCarrier, pieceStore, type Freight, type Recording } from '../../rtc/pieces'
import { CallRecorder } from '../../rtc/recorder'
import type { TicketOffice } from './ticket'

const address = (recording: Recording, rest: string): string => `/api/v1/calls/${encodeURIComponent(recording.call)}/recording/${encodeURIComponent(recording.id)}/${rest}`

/** Pages that are gone are looked for this often: their recordings are carried on by this one. */
const RECOVER_MS = 60_000

/** What will not be better by trying again: not this agent's, or not as it should be. */
const HOPELESS = new Set([400, 403, 404, 409, 410, 413, 422])

/** `failed`: what was recorded could not be kept on this device. */
export function recordings(office: TicketOffice, failed: () => void) {
  const state = reactive({ uploading: 0 })
  let running: { id: string; recorder: CallRecorder; unwatch: WatchStopHandle } | undefined

  async function send(method: string, path: string, body: BodyInit, type: string): Promise<boolean> {
    for (const again of [true, false]) {
      const response = await fetch(path, { method, body, credentials: 'same-origin', headers: { 'Content-Type': type, 'X-CSRF-Token': office.csrf() } })
      // Read to its end, so that the connection is free for the next piece.
      await response.text()
      if (response.ok) return true
      // The token may be of an older sign-in of another tab.
      if (again && (response.status === 401 || response.status === 403) && (await office.renew())) continue
      if (HOPELESS.has(response.status)) return false
      throw new Error(`the gateway answered ${response.status}`)
    }
    return false
  }

  const freight: Freight = {
    piece: (recording, seq, data) => send('PUT', address(recording, String(seq)), data, recording.type),
    finish: (recording) => send('POST', address(recording, 'finish'), JSON.stringify({ chunks: recording.pieces, ms: recording.ms ?? 0 }), 'application/json'),
  }
  const carrier = new PieceCarrier(pieceStore(), freight, pageClaims())
  const count = (): number => (state.uploading = carrier.inHand)
  // Whoever reloads or closes the page comes back to what is still here.
  const recover = (): void => void carrier.recover().then(count, () => undefined)
  recover()
  const recovering = setInterval(recover, RECOVER_MS)
  const counting = setInterval(count, 2000)

  const begin: Recorder['begin'] = (call, id, booth, broke) => {
    end()
    const entry: Recording = { id, call, type: '', began: Date.now(), pieces: 0 }
    let line: Promise<unknown> = Promise.resolve()
    let whole = true
    /** It ends although nobody wants it to. */
    const give = (why: Broken): void => {
      if (running?.id !== id) return
      end()
      broke(why)
    }
    const then = (work: () => Promise<unknown>): void => {
      line = line.then(work).catch(() => {
        whole = false
        failed()
        give('record_unkept')
      })
    }
    try {
      const recorder = new CallRecorder({
        piece: (data) => then(async () => whole && carrier.add(entry, data)),
        ended: () => {
          entry.ms = Date.now() - entry.began
          give('record_broken')
          then(() => carrier.end(entry))
        },
      })
      entry.type = recorder.type
      then(() => carrier.begin(entry))
      running = { id, recorder, unwatch: following(booth, recorder) }
      recorder.start()
      count()
    } catch {
      if (running) {
        entry.ms = 0
        then(() => carrier.end(entry))
      }
      end()
      broke('record_broken')
    }
  }

  /** What is seen and heard changes during a call: a new leg, a screen, a picture that was not there at first. */
  const following = (booth: BoothState, recorder: CallRecorder): WatchStopHandle =>
    watch(() => [booth.own, booth.screen, booth.remote] as const, ([own, screen, remote]) => recorder.attach(own, remote, screen), { immediate: true })

  function end(): void {
    const { recorder, unwatch } = running ?? {}
    running = undefined
    unwatch?.()
    recorder?.stop()
  }

  function close(): void {
    end()
    clearInterval(counting)
    clearInterval(recovering)
    carrier.stop()
  }

  return { state, begin, end, close, nudge: () => carrier.nudge() }
}
