/** Which of the robot's answers this visitor has rated, remembered on the device. Knows no server. */
import type { Storage } from '../wire/store'

/** As many as are remembered; older answers have scrolled far away. */
const KEPT = 50

export class Ratings {
  private given: [key: string, helpful: boolean][]

  constructor(
    private readonly storage: Storage,
    private readonly scope: string,
  ) {
    this.given = load(storage.get(this.place))
  }

  of(conv: string, seq: number): boolean | undefined {
    return this.given.find(([key]) => key === `${conv}:${seq}`)?.[1]
  }

  give(conv: string, seq: number, helpful: boolean): void {
    const key = `${conv}:${seq}`
    this.given = [...this.given.filter(([one]) => one !== key), [key, helpful] as [string, boolean]].slice(-KEPT)
    this.storage.set(this.place, JSON.stringify(this.given))
  }

  /** The server did not take it: it may be given again. */
  take(conv: string, seq: number): void {
    this.given = this.given.filter(([key]) => key !== `${conv}:${seq}`)
    this.storage.set(this.place, this.given.length ? JSON.stringify(this.given) : undefined)
  }

  private get place(): string {
    return `yz.ratings.${this.scope}`
  }
}

function load(text: string | undefined): [string, boolean][] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    if (!Array.isArray(value)) return []
    return value.filter((one): one is [string, boolean] => Array.isArray(one) && typeof one[0] === 'string' && typeof one[1] === 'boolean')
  } catch {
    return []
  }
}
