/** Words of the trade as lines of text, and back. Pure. */
import type { Vocabulary } from '../wire/faq'

const BY_BAR = /\|/
const BY_ANY = /[、，,;；\t]/

const tidy = (words: string[]): string[] => [...new Set(words.map((word) => word.trim()).filter(Boolean))]

/** A text of lines as words of the trade, and on which line (from 1) each word and each group stands. */
export function readWords(words: string, synonyms: string): { vocabulary: Vocabulary; wordLines: number[]; groupLines: number[] } {
  const vocabulary: Vocabulary = { words: [], synonyms: [] }
  const [wordLines, groupLines]: [number[], number[]] = [[], []]
  words.split('\n').forEach((line, at) => {
    const word = line.trim()
    if (!word || vocabulary.words.includes(word)) return
    vocabulary.words.push(word)
    wordLines.push(at + 1)
  })
  synonyms.split('\n').forEach((line, at) => {
    if (!line.trim()) return
    vocabulary.synonyms.push(tidy(line.split(BY_BAR.test(line) ? BY_BAR : BY_ANY)))
    groupLines.push(at + 1)
  })
  return { vocabulary, wordLines, groupLines }
}

/** Words of the trade as lines. No word has a bar in it. */
export function writeWords({ words, synonyms }: Vocabulary): { words: string; synonyms: string } {
  const join = (group: string[]): string => group.join(group.some((word) => BY_ANY.test(word)) ? '|' : '、')
  return { words: words.join('\n'), synonyms: synonyms.map(join).join('\n') }
}

/** Where in the two texts a finding of the gateway belongs. */
export function wordPlace(field: string | undefined, wordLines: number[], groupLines: number[]): { text: 'words' | 'synonyms'; line: number | undefined } | undefined {
  const [, text, index] = /^(words|synonyms)(?:\[(\d+)\])?/.exec(field ?? '') ?? []
  if (text !== 'words' && text !== 'synonyms') return undefined
  return { text, line: index === undefined ? undefined : (text === 'words' ? wordLines : groupLines)[Number(index)] }
}
