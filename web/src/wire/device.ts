/** A stable name for this tab. Two live tabs never share one; a closed tab's name is used again, with its unsent messages. */
import type { Storage } from './store'

export function randomId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return prefix + [...bytes].map((byte) => byte.toString(36).padStart(2, '0')).join('').slice(0, 20)
}

/** Picks a device id that no other tab holds, and holds it until the page goes away. */
export async function claimDevice(storage: Storage, scope: string): Promise<string> {
  const key = `yz.devices.${scope}`
  const known = parse(storage.get(key))
  const last = sessionDevice(scope)
  const locks = (navigator as { locks?: LockManager }).locks
  if (!locks) return remember(storage, key, known, scope, last ?? randomId('d'))
  const candidates = last && known.includes(last) ? [last, ...known.filter((id) => id !== last)] : known
  for (const id of candidates) if (await hold(locks, `yz.${scope}.${id}`)) return remember(storage, key, known, scope, id)
  const fresh = randomId('d')
  await hold(locks, `yz.${scope}.${fresh}`)
  return remember(storage, key, known, scope, fresh)
}

function hold(locks: LockManager, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    void locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null)
      // Held until the page goes away.
      return lock ? new Promise<void>(() => undefined) : undefined
    })
  })
}

function remember(storage: Storage, key: string, known: string[], scope: string, id: string): string {
  storage.set(key, JSON.stringify([id, ...known.filter((other) => other !== id)].slice(0, 8)))
  try {
    window.sessionStorage.setItem(`yz.device.${scope}`, id)
  } catch {
    // Without session storage a reload may get another free id, which is harmless.
  }
  return id
}

function sessionDevice(scope: string): string | undefined {
  try {
    return window.sessionStorage.getItem(`yz.device.${scope}`) ?? undefined
  } catch {
    return undefined
  }
}

function parse(text: string | undefined): string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? value.filter((id): id is string => typeof id === 'string') : []
  } catch {
    return []
  }
}
