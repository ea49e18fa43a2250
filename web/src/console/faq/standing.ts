/** How the standings of an entry are shown. */
import type { Standing } from '../../wire/faq'

export const STANDINGS: readonly Standing[] = ['answered', 'disabled', 'early', 'late']
export const TONES: Readonly<Record<Standing, string>> = { answered: 'accent', disabled: '', early: 'warn', late: 'seal' }
