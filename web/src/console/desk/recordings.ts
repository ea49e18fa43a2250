/** Recordings of this agent's calls: made here, kept here until the gateway has them. Knows no component. */
import { reactive, watch, type WatchStopHandle } from 'vue'
import type { BoothState } from '../../rtc/state'
import { PieceCarrier, pieceStore, type Freight, type Recording } from '../../rtc/pieces'
import { CallRecorder } from '../../rtc/recorder'
import type { TicketOffice } from './ticket'

const address = (recording: Recording, rest: string): string => `/api/v1/calls/${encodeURIComponent(recording.call)}/recording/${encodeURIComponent(recording.id)}/${rest}`

/** What will not be better by trying again: not this agent's, or not as it should be. */
const HOPELESS = new Set([400, 403, 404, 409, 410, 413, 422])

export function recordings(office: TicketOffice, failed: () => void) {
  const state = reactive({ uploading: 0 })
  const store = pieceStore()
  let running: { recorder: CallRecorder; unwatch: WatchStopHandle } | undefined

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
  const carrier = new PieceCarrier(store, freight)
  const count = (): void => void store.recordings().then((all) => (state.uploading = all.length), () => undefined)
  // Whoever reloads or closes the page comes back to what is still here.
  carrier.recover().then(count, () => undefined)
  const counting = setInterval(count, 2000)

  function begin(call: string, id: string, booth: BoothState): void {
    if (running) return
    const began = Date.now()
    let entry: Recording | undefined
    let line: Promise<unknown> = Promise.resolve()
    const then = (work: () => Promise<unknown>): void => {
      line = line.then(work).catch(failed)
    }
    try {
      const recorder = new CallRecorder({
        video: booth.call?.media.video === true,
        piece: (data) => entry && then(() => carrier.add(entry as Recording, data)),
        ended: () => {
          if (!entry) return
          entry.ms = Date.now() - began
          then(() => carrier.end(entry as Recording))
        },
      })
      entry = { id, call, type: recorder.type, began, pieces: 0 }
      const first = entry
      then(() => carrier.begin(first))
      const unwatch = watch(() => [booth.own, booth.screen, booth.remote] as const, ([own, screen, remote]) => recorder.attach(own, remote, screen), { immediate: true })
      recorder.start()
      running = { recorder, unwatch }
      count()
    } catch {
      failed()
    }
  }

  function end(): void {
    running?.unwatch()
    running?.recorder.stop()
    running = undefined
  }

  function close(): void {
    end()
    clearInterval(counting)
    carrier.stop()
  }

  return { state, begin, end, close, nudge: () => carrier.nudge() }
}
