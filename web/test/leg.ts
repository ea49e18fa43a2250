/** Stands for the connection of a call: nothing is sent, what it is told is kept. */
import type { LegOptions } from '../src/rtc/leg'

export const legs: FakeLeg[] = []

export class FakeLeg {
  readonly mender = { media: 'connecting' }
  readonly carried: [kind: string, sends: boolean][] = []
  closed = false
  constructor(readonly options: LegOptions) {
    legs.push(this)
  }
  carry(kind: string, track?: object): Promise<void> {
    this.carried.push([kind, track !== undefined])
    return Promise.resolve()
  }
  /** Media flows. */
  connect(): void {
    this.mender.media = 'connected'
    this.options.media('connected')
  }
  hear(): void {}
  resume(): void {}
  continue(): void {}
  hold(): void {}
  close(): void {
    this.closed = true
  }
}
