/** Soft notes, one after another. Silent until the person has touched the page, as browsers demand. */

let audio: AudioContext | undefined

export function play(notes: number[]): void {
  if (!(navigator as { userActivation?: UserActivation }).userActivation?.hasBeenActive) return
  audio ??= new AudioContext()
  notes.forEach((frequency, at) => {
    if (!audio) return
    const start = audio.currentTime + at * 0.16
    const tone = audio.createOscillator()
    const level = audio.createGain()
    tone.frequency.value = frequency
    level.gain.setValueAtTime(0.0001, start)
    level.gain.exponentialRampToValueAtTime(0.12, start + 0.02)
    level.gain.exponentialRampToValueAtTime(0.0001, start + 0.35)
    tone.connect(level).connect(audio.destination)
    tone.start(start)
    tone.stop(start + 0.4)
  })
}

const RING_MS = 2400

/** Rings until the returned function is called. */
export function ringing(once: () => void): () => void {
  once()
  const timer = setInterval(once, RING_MS)
  return () => clearInterval(timer)
}
