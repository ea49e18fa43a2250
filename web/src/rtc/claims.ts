/** Which page of this origin has which recording in hand. Knows no recording. */

export interface Claims {
  /** Whether pages learn of each other's claims. */
  certain: boolean
  /** Resolves to the way to give it back; undefined while another page has it. Ends with the page at the latest. */
  take(id: string): Promise<(() => void) | undefined>
}

/** By the browser's locks, where it has them. */
export function pageClaims(): Claims {
  const { locks } = navigator as { locks?: LockManager }
  if (!locks) return { certain: false, take: () => Promise.resolve(() => undefined) }
  const take = (id: string) =>
    new Promise<(() => void) | undefined>((resolve, reject) => {
      const held = (lock: Lock | null): Promise<void> | void => (lock ? new Promise<void>((back) => resolve(back)) : resolve(undefined))
      locks.request(`yizhan-recording-${id}`, { ifAvailable: true }, held).catch(reject)
    })
  return { certain: true, take }
}
