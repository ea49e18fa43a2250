/** What this browser remembers about its person: language, theme, sound. */
import { ref, watch } from 'vue'
import { createI18n, startLang } from '../text/i18n'
import { PageStorage } from '../wire/store'
import { en, zh } from './texts'

export const storage = PageStorage.open()

export const i18n = createI18n(zh, en, startLang(storage.get('yz.lang'), window.location.search), (lang) => storage.set('yz.lang', lang))
export const { t, lang } = i18n

export const sound = ref(storage.get('yz.sound') !== 'off')
watch(sound, (on) => storage.set('yz.sound', on ? 'on' : 'off'))

const system = window.matchMedia('(prefers-color-scheme: dark)')
const asked = new URLSearchParams(window.location.search).get('theme')
export const theme = ref<'light' | 'dark'>(((asked ?? storage.get('yz.theme')) as 'light' | 'dark' | null | undefined) ?? (system.matches ? 'dark' : 'light'))

export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
  storage.set('yz.theme', theme.value)
}

let audio: AudioContext | undefined

/** Two soft notes for an offer, one for a message. Silent until the person has touched the page, as browsers demand. */
export function chime(kind: 'offer' | 'message'): void {
  if (!sound.value || !navigator.userActivation.hasBeenActive) return
  audio ??= new AudioContext()
  const notes = kind === 'offer' ? [659, 880] : [784]
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
