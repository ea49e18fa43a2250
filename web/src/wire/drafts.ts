/** What somebody has begun to write, per conversation. */
import type { Storage } from './store'

export class Drafts {
  constructor(
    private readonly storage: Storage,
    private readonly scope: string,
  ) {}

  get(conv: string): string {
    return this.storage.get(this.key(conv)) ?? ''
  }

  set(conv: string, text: string): void {
    this.storage.set(this.key(conv), text === '' ? undefined : text)
  }

  private key(conv: string): string {
    return `yz.draft.${this.scope}.${conv}`
  }
}
