/** Cameras, microphones and speakers: which there are, which were chosen, and their streams. */
import type { Storage } from '../wire/store'

export type DeviceKind = 'audioinput' | 'videoinput' | 'audiooutput'

export interface Device {
  id: string
  label: string
}

export type DeviceList = Record<DeviceKind, Device[]>

export interface Wanted {
  audio: boolean
  video: boolean
}

const KEY = 'yz.call.device.'

export class Devices {
  constructor(private readonly storage: Storage) {}

  chosen(kind: DeviceKind): string | undefined {
    return this.storage.get(KEY + kind)
  }

  choose(kind: DeviceKind, id: string): void {
    this.storage.set(KEY + kind, id)
  }

  /** Names are empty until the person has allowed one of the kind. */
  async list(): Promise<DeviceList> {
    const all = await navigator.mediaDevices.enumerateDevices()
    const list: DeviceList = { audioinput: [], videoinput: [], audiooutput: [] }
    for (const { kind, deviceId, label } of all) if (deviceId) list[kind].push({ id: deviceId, label })
    return list
  }

  /** Hears when something is plugged in or out; returns the way to stop. */
  watch(changed: () => void): () => void {
    navigator.mediaDevices.addEventListener('devicechange', changed)
    return () => navigator.mediaDevices.removeEventListener('devicechange', changed)
  }

  /** Rejects as getUserMedia does. A remembered device that is gone is no reason to fail. */
  async open(wanted: Wanted): Promise<MediaStream> {
    const constraints = (exact: boolean): MediaStreamConstraints => ({
      audio: wanted.audio && { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...this.pick('audioinput', exact) },
      video: wanted.video && { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 }, ...this.pick('videoinput', exact) },
    })
    try {
      return await navigator.mediaDevices.getUserMedia(constraints(true))
    } catch (error) {
      if ((error as { name?: unknown }).name !== 'OverconstrainedError') throw error
      return navigator.mediaDevices.getUserMedia(constraints(false))
    }
  }

  private pick(kind: DeviceKind, exact: boolean): { deviceId?: ConstrainDOMString; facingMode?: string } {
    const id = this.chosen(kind)
    if (id && exact) return { deviceId: { exact: id } }
    return kind === 'videoinput' ? { facingMode: 'user' } : {}
  }
}

/** A screen, window or tab that the person picks. Rejects when they do not. */
export function openScreen(): Promise<MediaStream> {
  return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false })
}

export function canShareScreen(): boolean {
  return typeof (navigator as { mediaDevices?: MediaDevices }).mediaDevices?.getDisplayMedia === 'function'
}

export function stopAll(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

/** How loud a stream is, 0 to 1, again and again; returns the way to stop. */
export function meter(stream: MediaStream, level: (now: number) => void): () => void {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  context.createMediaStreamSource(stream).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    level(loudness(samples))
  }, 80)
  return () => {
    clearInterval(timer)
    void context.close()
  }
}

/** The root mean square on a scale where quiet speech is already to be seen. Pure. */
export function loudness(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  const rms = Math.sqrt(sum / Math.max(1, samples.length))
  return rms <= 0.0001 ? 0 : Math.min(1, Math.max(0, (20 * Math.log10(rms) + 60) / 55))
}
