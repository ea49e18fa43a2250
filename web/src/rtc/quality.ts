/** What the numbers of a peer connection say about the call. Pure. */

/** The part of a stats report that is used, of one moment. */
export interface Moment {
  at: number
  rttMs?: number
  jitterMs?: number
  received: number
  lost: number
  bytes: number
  frames: number
  fps?: number
  width?: number
  height?: number
  pair?: { local: string; remote: string; proto: string }
}

/** One sample, as it is told to the gateway. */
export interface Sample {
  rtt_ms?: number
  jitter_ms?: number
  /** Share of packets that did not come, 0 to 1. */
  loss: number
  kbps: number
  fps?: number
  res?: string
  pair?: { local: string; remote: string; proto: string }
}

export type Quality = 'good' | 'fair' | 'poor' | 'none'

type Report = Record<string, unknown> & { id: string; type: string }

const num = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)
const word = (value: unknown): string => (typeof value === 'string' ? value : '')

export function momentOf(reports: Iterable<Report>, at: number): Moment {
  const all = [...reports]
  const byId = new Map(all.map((one) => [one.id, one]))
  const moment: Moment = { at, received: 0, lost: 0, bytes: 0, frames: 0 }
  const transport = all.find((one) => one.type === 'transport')
  const pair = byId.get(word(transport?.selectedCandidatePairId)) ?? all.find((one) => one.type === 'candidate-pair' && one.nominated === true && one.state === 'succeeded')
  if (pair) {
    const rtt = num(pair.currentRoundTripTime)
    if (rtt !== undefined) moment.rttMs = rtt * 1000
    const local = byId.get(word(pair.localCandidateId))
    const remote = byId.get(word(pair.remoteCandidateId))
    if (local && remote) moment.pair = { local: word(local.candidateType), remote: word(remote.candidateType), proto: word(local.relayProtocol) || word(local.protocol) }
  }
  for (const one of all) {
    if (one.type !== 'inbound-rtp') continue
    moment.received += num(one.packetsReceived) ?? 0
    moment.lost += Math.max(0, num(one.packetsLost) ?? 0)
    moment.bytes += num(one.bytesReceived) ?? 0
    const jitter = num(one.jitter)
    if (jitter !== undefined) moment.jitterMs = Math.max(moment.jitterMs ?? 0, jitter * 1000)
    if (one.kind !== 'video') continue
    moment.frames += num(one.framesDecoded) ?? 0
    const fps = num(one.framesPerSecond)
    if (fps !== undefined) moment.fps = fps
    const width = num(one.frameWidth)
    const height = num(one.frameHeight)
    if (width !== undefined && height !== undefined) Object.assign(moment, { width, height })
  }
  return moment
}

export function sampleOf(before: Moment | undefined, now: Moment): Sample {
  const received = now.received - (before?.received ?? 0)
  const lost = Math.max(0, now.lost - (before?.lost ?? 0))
  const seconds = before ? (now.at - before.at) / 1000 : 0
  const round = (value: number) => Math.round(value * 10) / 10
  return {
    ...(now.rttMs !== undefined && { rtt_ms: round(now.rttMs) }),
    ...(now.jitterMs !== undefined && { jitter_ms: round(now.jitterMs) }),
    loss: received + lost > 0 ? Math.round((lost / (received + lost)) * 10_000) / 10_000 : 0,
    kbps: seconds > 0 ? Math.max(0, Math.round(((now.bytes - (before?.bytes ?? 0)) * 8) / 1000 / seconds)) : 0,
    ...(now.fps !== undefined && { fps: round(now.fps) }),
    ...(now.width !== undefined && now.height !== undefined && { res: `${now.width}x${now.height}` }),
    ...(now.pair && { pair: now.pair }),
  }
}

/** In one word. Nothing at all while one should hear somebody is the worst. */
export function qualityOf(before: Moment | undefined, now: Moment, expecting: boolean): Quality {
  const { loss, rtt_ms: rtt = 0, jitter_ms: jitter = 0 } = sampleOf(before, now)
  if (before && expecting && now.received === before.received) return 'none'
  if (loss > 0.08 || rtt > 600 || jitter > 100) return 'poor'
  if (loss > 0.02 || rtt > 250 || jitter > 40) return 'fair'
  return 'good'
}
