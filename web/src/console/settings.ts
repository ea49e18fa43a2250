/** What this browser remembers about its person: language, theme, sound. */
import { ref, watch } from 'vue'
import { createI18n, startLang } from '../text/i18n'
import { play } from '../ui/tone'
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

/** Two soft notes for an offer, one for a message, three for a call. */
export function chime(kind: 'offer' | 'message' | 'call'): void {
  if (sound.value) play({ offer: [659, 880], message: [784], call: [659, 784, 988] }[kind])
}
