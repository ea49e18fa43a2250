/** What of a call is recorded: the question, its answer, the recording on the agent's device. Knows no recorder and no component. */
import type { Call, CallPushes, LiveCall, Side } from '../wire/calls'
import type { BoothState } from './state'

/** Why a recording ended that nobody ended. */
export type Broken = 'record_broken' | 'record_unkept'

/** What records on this device. */
export interface Recorder {
  /** `broke` when it cannot begin, or ends by itself. */
  begin: (call: string, recording: string, booth: BoothState, broke: (why: Broken) => void) => void
  end: () => void
}

interface Place {
  state: BoothState
  side: Side
  recorder: Recorder | undefined
  tell: (op: string, d: object) => Promise<boolean>
  /** The gateway's snapshot; undefined when the call is over. */
  refresh: (call: string) => Promise<LiveCall | undefined>
}

export function openTape({ state, side, recorder, tell, refresh }: Place) {
  /** The last one that was begun here, or on this page before it was loaded anew: none is begun twice. */
  let begun: string | undefined
  let running: string | undefined

  function begin(call: string, recording: string): void {
    if (!recorder || begun === recording) return
    begun = running = recording
    recorder.begin(call, recording, state, (why) => broke(call, recording, why))
  }

  function end(): void {
    running = undefined
    recorder?.end()
  }

  function broke(call: string, recording: string, why: Broken): void {
    if (running !== recording) return
    running = undefined
    state.notice = why
    void stop(call)
  }

  const stop = (call: string): Promise<boolean> => tell('call.record', { call_id: call, on: false })

  /** A newer snapshot: pushes about recording may have gone lost. */
  function know(call: Call): void {
    state.asked.record = side === 'contact' && call.record_asked === true
    state.waiting.record = side === 'agent' && call.record_asked === true
    if (!recorder || call.end) return
    if (call.recording && call.recording_id) {
      if (call.recording_id !== begun) begin(call.call_id, call.recording_id)
      // Both sides see a recording that nobody makes.
      else if (!running) void stop(call.call_id)
    } else if (!call.recording && running) void confirm(call.call_id, running)
  }

  /** A snapshot that was overtaken must not end what has begun since. */
  async function confirm(call: string, recording: string): Promise<void> {
    const live = await refresh(call).catch(() => undefined)
    if (live && !live.recording && running === recording) end()
  }

  /** The page was loaded anew: what an earlier one recorded ended with that. Before `know`, which stops what nobody records. */
  function inherit(live: LiveCall): void {
    if (!recorder || !live.recording) return
    begun = live.recording_id ?? undefined
    state.notice = 'record_cut'
    if (!begun) void stop(live.call_id)
  }

  function heard(d: CallPushes['call.recording']): void {
    if (!state.call) return
    state.asked.record = state.waiting.record = false
    state.call = { ...state.call, recording: d.on }
    if (d.denied && side === 'agent') state.notice = 'record_denied'
    if (d.on && d.recording) begin(d.call_id, d.recording)
    else if (!d.on) end()
  }

  return { know, inherit, heard, end }
}
