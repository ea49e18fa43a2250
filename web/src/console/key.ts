import { inject, type InjectionKey } from 'vue'
import type { Desk } from './desk'

export const deskKey: InjectionKey<Desk> = Symbol('desk')

/** The desk that this component belongs to. */
export function useDesk(): Desk {
  const desk = inject(deskKey)
  if (!desk) throw new Error('no desk above this component')
  return desk
}
