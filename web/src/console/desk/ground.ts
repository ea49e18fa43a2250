/** What every part of the desk stands on: the link, what is unsent, and a line of text for the agent. */
import { codeText } from '../../text/codes'
import { FrameError, type FrameClient } from '../../wire/client'
import type { Outbox } from '../../wire/outbox'
import { lang } from '../settings'
import type { Account, State } from './state'

export type Ground = ReturnType<typeof ground>

export function ground(account: Account, state: State, client: FrameClient, outbox: Outbox) {
  let toastId = 0

  function toast(text: string, tone: 'plain' | 'warn' = 'plain'): void {
    const id = ++toastId
    state.toasts.push({ id, text, tone })
    setTimeout(() => (state.toasts = state.toasts.filter((one) => one.id !== id)), tone === 'warn' ? 7000 : 4000)
  }

  /** Runs a request; a refusal becomes a calm line of text. */
  async function attempt<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run()
    } catch (error) {
      toast(codeText(error instanceof FrameError ? error.code : 'internal', lang.value), 'warn')
      return undefined
    }
  }

  const serverNow = (): number => state.now + client.skew

  return { account, state, client, outbox, toast, attempt, serverNow }
}
