/** Whether a key press sends. Pure. */

export interface Key {
  key: string
  keyCode?: number
  isComposing?: boolean
  shiftKey?: boolean
  ctrlKey?: boolean
  metaKey?: boolean
  altKey?: boolean
}

/**
 * Enter sends, Shift+Enter does not. While an input method composes, Enter belongs to it: browsers say so by
 * `isComposing` or by key code 229, and Safari ends the composition before the very Enter that confirmed it,
 * which is why the end of the last composition counts too.
 */
export function sends(event: Key, composing: boolean, sinceCompositionMs: number): boolean {
  if (event.key !== 'Enter') return false
  if (event.isComposing || event.keyCode === 229 || composing || sinceCompositionMs < 30) return false
  if (event.altKey) return false
  if (event.ctrlKey || event.metaKey) return true
  return !event.shiftKey
}

/** Number of Unicode scalar values, as the server counts. */
export function scalars(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 0xd800 && code <= 0xdbff && at + 1 < text.length) at += 1
    count += 1
  }
  return count
}
