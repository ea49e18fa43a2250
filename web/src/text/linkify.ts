/** Finds the links in foreign text. Pure: returns pieces, never markup. */

export type Piece = { kind: 'text'; text: string } | { kind: 'link'; text: string; href: string }

const CANDIDATE = /\bhttps?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]+|\bmailto:[^\s<>"'`]+@[^\s<>"'`\uff00-\uffef\u3000-\u303f]+|\btel:\+?[\d-]{3,20}/gi
const TRAILING = /[.,;:!?'")\]}]+$/

/** Only http, https, mailto and tel become links; everything else stays text. */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = []
  let from = 0
  const push = (piece: string) => {
    const last = pieces[pieces.length - 1]
    if (piece === '') return
    if (last?.kind === 'text') last.text += piece
    else pieces.push({ kind: 'text', text: piece })
  }
  for (const match of text.matchAll(CANDIDATE)) {
    const raw = trimEnd(match[0])
    const href = safeHref(raw)
    push(text.slice(from, match.index))
    if (href === undefined) push(raw)
    else pieces.push({ kind: 'link', text: raw, href })
    from = match.index + raw.length
  }
  push(text.slice(from))
  return pieces
}

/** The address, when it is one that a person may be sent to. */
export function safeHref(address: string): string | undefined {
  // Control characters and white space inside an address only serve to disguise its scheme.
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/.test(address)) return undefined
  try {
    const url = new URL(address)
    switch (url.protocol) {
      case 'http:':
      case 'https:':
        return url.host === '' ? undefined : url.href
      case 'mailto:':
      case 'tel:':
        return url.href
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}

/** Punctuation after an address belongs to the sentence; a closing bracket that was opened inside belongs to the address. */
function trimEnd(raw: string): string {
  const tail = TRAILING.exec(raw)?.[0]
  if (!tail) return raw
  const opened = (raw.match(/\(/g) ?? []).length
  const body = raw.slice(0, raw.length - tail.length)
  return opened > 0 && tail.startsWith(')') ? `${body})` : body
}
