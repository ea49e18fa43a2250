/** Text entry that is safe while an input method composes, for every face. */
import { nextTick, type Ref } from 'vue'
import { sends } from '../text/ime'

export interface Composing {
  onKeydown: (event: KeyboardEvent) => void
  onStart: () => void
  onEnd: () => void
  /** Puts text where the caret is, in place of what is selected. */
  insert: (text: string) => void
  /** Puts text where the caret is, and leaves what is selected. */
  add: (text: string) => void
}

/** Which Enter belongs to the input method and which to us. */
export interface Enter {
  onStart: () => void
  onEnd: () => void
  /** Whether an input method holds text right now. */
  composing: () => boolean
  sends: (event: KeyboardEvent) => boolean
}

export function useEnter(): Enter {
  let composing = false
  let endedAt = -Infinity
  return {
    onStart() {
      composing = true
    },
    onEnd() {
      composing = false
      endedAt = performance.now()
    },
    composing: () => composing,
    sends: (event) => sends(event, composing, performance.now() - endedAt),
  }
}

export interface FormKeys {
  onKeydown: (event: KeyboardEvent) => void
  onStart: () => void
  onEnd: () => void
}

/** A form whose fields an input method may hold: its Enter never submits, and Ctrl+Enter does from a text of several lines. */
export function useFormKeys(submit: () => void): FormKeys {
  const enter = useEnter()
  return {
    onStart: enter.onStart,
    onEnd: enter.onEnd,
    onKeydown(event) {
      if (event.key !== 'Enter') return
      const area = (event.target as HTMLElement).tagName === 'TEXTAREA'
      if (!enter.sends(event)) {
        if (!area) event.preventDefault()
      } else if (area && (event.ctrlKey || event.metaKey)) {
        event.preventDefault()
        submit()
      }
    },
  }
}

export function useComposing(field: Ref<HTMLTextAreaElement | null>, text: Ref<string>, send: () => void): Composing {
  const enter = useEnter()

  function place(piece: string, from: number, to: number): void {
    // What an input method still holds is in the field alone.
    const now = enter.composing() ? (field.value?.value ?? text.value) : text.value
    text.value = now.slice(0, from) + piece + now.slice(to)
    void nextTick(() => {
      const area = field.value
      area?.focus()
      area?.setSelectionRange(from + piece.length, from + piece.length)
    })
  }

  return {
    onKeydown(event) {
      if (!enter.sends(event)) return
      event.preventDefault()
      send()
    },
    onStart: enter.onStart,
    onEnd: enter.onEnd,
    insert(piece) {
      const end = text.value.length
      place(piece, field.value?.selectionStart ?? end, field.value?.selectionEnd ?? end)
    },
    add(piece) {
      const at = field.value?.selectionEnd ?? text.value.length
      place(piece, at, at)
    },
  }
}

/** Lets the field grow with its text, up to a height. */
export function grow(area: HTMLTextAreaElement | null, most: number): void {
  if (!area) return
  area.style.height = 'auto'
  area.style.height = `${Math.min(area.scrollHeight, most)}px`
}
