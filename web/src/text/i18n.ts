/** Two complete languages. Chinese is the source; English has every key, or it does not compile. */
import { computed, ref, type Ref } from 'vue'
import type { Lang } from './time'

export type Dictionary = Record<string, string>
export type Params = Record<string, string | number>

export interface I18n<K extends string> {
  lang: Ref<Lang>
  t: (key: K, params?: Params) => string
  /** A text for a key that is only known at run time. */
  maybe: (key: string, params?: Params) => string | undefined
  set: (lang: Lang) => void
}

export function fill(text: string, params: Params | undefined): string {
  return params ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole)) : text
}

export function createI18n<D extends Dictionary>(zh: D, en: Record<keyof D & string, string>, start: Lang, changed?: (lang: Lang) => void): I18n<keyof D & string> {
  const lang = ref<Lang>(start)
  const table = computed<Dictionary>(() => (lang.value === 'zh' ? zh : en))
  return {
    lang,
    t: (key, params) => fill(table.value[key] ?? key, params),
    maybe: (key, params) => {
      const text = table.value[key]
      return text === undefined ? undefined : fill(text, params)
    },
    set: (next) => {
      lang.value = next
      document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en'
      changed?.(next)
    },
  }
}

/** The language a page starts with: `?lang=`, then the last choice, then Chinese. */
export function startLang(stored: string | undefined, search: string): Lang {
  const asked = new URLSearchParams(search).get('lang') ?? stored
  return asked?.toLowerCase().startsWith('en') ? 'en' : 'zh'
}
