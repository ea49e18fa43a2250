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

export function useComposing(field: Ref<HTMLTextAreaElement | null>, text: Ref<string>, send: () => void): Composing {
  let composing = false
  let endedAt = -Infinity

  function place(piece: string, from: number, to: number): void {
    // What an input method still holds is in the field alone.
    const now = composing ? (field.value?.value ?? text.value) : text.value
    text.value = now.slice(0, from) + piece + now.slice(to)
    void nextTick(() => {
      const area = field.value
      area?.focus()
      area?.setSelectionRange(from + piece.length, from + piece.length)
    })
  }

  return {
    onKeydown(event) {
      if (!sends(event, composing, performance.now() - endedAt)) return
      event.preventDefault()
      send()
    },
    onStart() {
      composing = true
    },
    onEnd() {
      composing = false
      endedAt = performance.now()
    },
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
