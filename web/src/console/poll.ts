/** Asks again and again, but only while somebody looks. */
import { onBeforeUnmount, onMounted } from 'vue'

/** Runs at once, then `everyMs` after each run, while the component is there, the tab is visible and `wanted` holds. Never twice at a time. */
export function usePoll(run: () => Promise<void>, everyMs: number, wanted: () => boolean = () => true): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running = false
  let gone = false

  async function again(): Promise<void> {
    clearTimeout(timer)
    if (running || gone || document.visibilityState !== 'visible') return
    running = true
    try {
      await run()
    } finally {
      running = false
    }
    later()
  }

  function later(): void {
    clearTimeout(timer)
    if (!gone && document.visibilityState === 'visible') timer = setTimeout(() => (wanted() ? void again() : later()), everyMs)
  }

  const turned = (): void => {
    if (document.visibilityState === 'visible') void again()
    else clearTimeout(timer)
  }
  onMounted(() => {
    document.addEventListener('visibilitychange', turned)
    void again()
  })
  onBeforeUnmount(() => {
    gone = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', turned)
  })
  return () => void again()
}
