/** Names that strangers chose, made fit to show. Pure. */

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u2800]/gu
const MARK = /\p{M}/u
const LONGEST = 40

/** The name without what cannot be seen or piles up; empty when nothing is left to see. */
export function cleanName(name: string): string {
  let result = ''
  let marks = 0
  let count = 0
  // Joiners stay inside emoji sequences; direction marks and the like go.
  for (const char of name.replace(INVISIBLE, (found) => (found === '\u200d' ? found : ''))) {
    if (MARK.test(char)) {
      marks += 1
      if (marks > 2) continue
    } else {
      marks = 0
      count += 1
      if (count > LONGEST) return `${result.trimEnd()}…`
    }
    result += char
  }
  const trimmed = result.replace(/\s+/gu, ' ').trim()
  return /[^\p{M}\s\u200d]/u.test(trimmed) ? trimmed : ''
}

/** What a contact is called: their name, or the end of their id when the name shows nothing. */
export function contactName(name: string | undefined, id: string, fallback: string): string {
  return cleanName(name ?? '') || `${fallback} ${id.slice(-6)}`
}

/** One or two letters for a picture-less face. */
export function initials(name: string): string {
  const shown = cleanName(name)
  // Nameless customers are called "微信客户 5S1M": the end of their id tells them apart.
  const tail = /\s([A-Z\d]{4,6})$/.exec(shown)?.[1]
  if (tail) return tail.slice(-2)
  const han = /\p{Script=Han}/u.exec(shown)
  if (han) {
    const all = [...shown].filter((char) => /\p{Script=Han}/u.test(char))
    return all.slice(-2).join('')
  }
  const words = shown.split(/[\s._-]+/u).filter(Boolean)
  return (words.length > 1 ? words.slice(0, 2).map((word) => [...word][0] ?? '').join('') : [...shown].slice(0, 2).join('')).toUpperCase()
}

/** A stable number from 0 to `of`−1 for an id: the same person always has the same colour. */
export function hue(id: string, of: number): number {
  let hash = 2166136261
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619) >>> 0
  return hash % of
}
