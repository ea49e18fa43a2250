/** Collects what comes in drops and hands it on in sips: when ten are together, or after a moment. */

export const BATCH_MOST = 10
export const BATCH_MS = 50

export class Batch<T> {
  private items: T[] = []
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly out: (items: T[]) => void) {}

  add(item: T): void {
    this.items.push(item)
    if (this.items.length >= BATCH_MOST) this.flush()
    else this.timer ??= setTimeout(() => this.flush(), BATCH_MS)
  }

  flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const items = this.items
    this.items = []
    if (items.length) this.out(items)
  }

  /** What is still inside is of no use any more. */
  drop(): void {
    this.items = []
    clearTimeout(this.timer)
    this.timer = undefined
  }
}
