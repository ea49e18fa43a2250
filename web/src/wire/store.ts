/** Small persistent values that survive a reload, and never break the page when storage is full or forbidden. */

export interface Storage {
  get(key: string): string | undefined
  set(key: string, value: string | undefined): void
  keys(prefix: string): string[]
}

export class MemoryStorage implements Storage {
  private readonly values = new Map<string, string>()
  get(key: string): string | undefined {
    return this.values.get(key)
  }
  set(key: string, value: string | undefined): void {
    if (value === undefined) this.values.delete(key)
    else this.values.set(key, value)
  }
  keys(prefix: string): string[] {
    return [...this.values.keys()].filter((key) => key.startsWith(prefix))
  }
}

/** localStorage where it is allowed; a value that could not be written is still kept for the life of the page. */
export class PageStorage implements Storage {
  private readonly memory = new MemoryStorage()
  constructor(private readonly backing: globalThis.Storage | undefined) {}

  static open(): PageStorage {
    try {
      return new PageStorage(window.localStorage)
    } catch {
      return new PageStorage(undefined)
    }
  }

  get(key: string): string | undefined {
    return this.memory.get(key) ?? this.backing?.getItem(key) ?? undefined
  }

  set(key: string, value: string | undefined): void {
    this.memory.set(key, undefined)
    try {
      if (value === undefined) this.backing?.removeItem(key)
      else if (this.backing) this.backing.setItem(key, value)
      else this.memory.set(key, value)
    } catch {
      this.memory.set(key, value)
    }
  }

  keys(prefix: string): string[] {
    const stored = this.backing ? Object.keys(this.backing).filter((key) => key.startsWith(prefix)) : []
    return [...new Set([...stored, ...this.memory.keys(prefix)])]
  }
}
