/** Text entry that is safe while an input method composes, for every face. */
import { nextTick, type Ref } from 'vue'
import { sends } from '../text/ime'

export interface Composing {
  onKeydown: (event: KeyboardEvent) => void
  onStart: () => void
  onEnd: () => void
  /** Puts text where the caret is. */
  insert: (text: string) => void
}

export function useComposing(field: Ref<HTMLTextAreaElement | null>, text: Ref<string>, send: () => void): Composing {
  let composing = false
  let endedAt = -Infinity
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
      const area = field.value
      const from = area?.selectionStart ?? text.value.length
      const to = area?.selectionEnd ?? text.value.length
      text.value = text.value.slice(0, from) + piece + text.value.slice(to)
      void nextTick(() => {
        area?.focus()
        area?.setSelectionRange(from + piece.length, from + piece.length)
      })
    },
  }
}

/** Lets the field grow with its text, up to a height. */
export function grow(area: HTMLTextAreaElement | null, most: number): void {
  if (!area) return
  area.style.height = 'auto'
  area.style.height = `${Math.min(area.scrollHeight, most)}px`
}
