/** Tables as spreadsheets write them: records with the line at which each begins, as the gateway counts them. Pure. */

export interface Row {
  /** From 1. */
  line: number
  cells: string[]
}

export interface Decoded {
  text: string
  /** Whether it was in the encoding of Chinese spreadsheets and not in UTF-8. */
  gbk: boolean
}

/** A file as text. Chinese Excel writes GBK where nobody says "CSV UTF-8"; undefined when it is neither. */
export function decode(bytes: ArrayBuffer): Decoded | undefined {
  for (const gbk of [false, true]) {
    try {
      return { text: new TextDecoder(gbk ? 'gb18030' : 'utf-8', { fatal: true }).decode(bytes), gbk }
    } catch {
      continue
    }
  }
  return undefined
}

/** The rows of a table without those that are empty. Text with faults is read as far as possible. */
export function rows(text: string): Row[] {
  const found: Row[] = []
  let cells: string[] = []
  let cell = ''
  let quoted = false
  let line = 1
  let began = 1
  const end = (): void => {
    // The mark in front of a file that says "UTF-8" is white space, too.
    cells.push(cell.trim())
    cell = ''
  }
  const close = (): void => {
    end()
    if (cells.some((one) => one !== '')) found.push({ line: began, cells })
    cells = []
  }
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (char === '\n') line += 1
    if (quoted) {
      if (char !== '"') cell += char
      else if (text.charAt(at + 1) === '"') cell += text.charAt((at += 1))
      else quoted = false
    } else if (char === '"' && cell.trim() === '') {
      cell = ''
      quoted = true
    } else if (char === ',') end()
    else if (char === '\n' || (char === '\r' && text.charAt(at + 1) !== '\n')) {
      close()
      began = line
    } else if (char !== '\r') cell += char
  }
  close()
  return found
}

/** What stands in the column of that name, by the line at which its row begins. */
export function column(table: readonly Row[], name: string): Map<number, string> {
  const at = table[0]?.cells.findIndex((cell) => cell.toLowerCase() === name) ?? -1
  return new Map(at < 0 ? [] : table.slice(1).map(({ line, cells }) => [line, cells[at] ?? '']))
}
