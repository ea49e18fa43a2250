/** How long to wait before the next attempt. Pure. */

const CEILING_MS = 15_000

/** 1, 2, 4, 8, 15, 15 … seconds, each shortened by up to half so that many clients do not return at once. */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(CEILING_MS, 1000 * 2 ** Math.min(attempt, 10))
  return Math.round(full * (0.5 + random / 2))
}
