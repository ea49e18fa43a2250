/** One simulated phone: what it shows and what its person does. Knows no component. */
import { reactive } from 'vue'
import { call, HttpProblem } from '../wire/http'
import { storage } from './texts'

export interface Button {
  name: string
  type?: string
  key?: string
  url?: string
  pagepath?: string
  sub?: Button[]
}

export interface Account {
  appid: string
  gh_id: string
  name: string
  menu: Button[]
}

export interface Item {
  id?: string | number
  key?: string
  content?: string
  label?: string
  title?: string
  desc?: string
  description?: string
  url?: string
  pic_url?: string
  pic?: string
}

export interface PhoneMessage {
  id: string
  at: string
  from: 'me' | 'account' | 'system'
  kind: 'text' | 'image' | 'voice' | 'video' | 'news' | 'menu' | 'miniprogram' | 'location' | 'link' | 'notice'
  text?: string
  url?: string
  items?: Item[] | Item
  tail?: string
  place?: [number, number]
  lat?: number
  lon?: number
  via?: string
  /** A machine wrote it, and the platform says so below. */
  ai?: boolean
  state?: 'sending' | 'sent' | 'failed'
}

const API = '/simulator/api'

interface State {
  openid: string
  following: boolean
  messages: PhoneMessage[]
  typing: boolean
  live: boolean
  /** Followed at least once on this page: the chat stays open after unfollowing. */
  seen: boolean
  problem: string
}

export function accounts(): Promise<Account[]> {
  return call<Account[]>('GET', `${API}/accounts`)
}

export type Phone = ReturnType<typeof usePhone>

export function usePhone(account: Account, nickname: string) {
  const key = `yz.phone.${account.appid}`
  const state = reactive<State>({ openid: '', following: false, messages: [], typing: false, live: false, seen: false, problem: '' })
  let stream: EventSource | undefined
  let closed = false
  let typingTimer: ReturnType<typeof setTimeout> | undefined

  function add(message: PhoneMessage): void {
    const at = state.messages.findIndex((one) => one.id === message.id)
    if (at >= 0) {
      const known = state.messages[at]
      // A replay must not take back what is already known about its delivery.
      state.messages[at] = known?.state && known.state !== 'sending' && message.state === 'sending' ? { ...message, state: known.state } : message
      return
    }
    state.messages.push(message)
    if (message.from === 'account') state.typing = false
  }

  async function start(): Promise<void> {
    const stored = new URLSearchParams(window.location.search).get('openid') ?? storage.get(key)
    if (!stored || !(await restore(stored))) {
      const { openid } = await call<{ openid: string }>('POST', `${API}/phone`, { appid: account.appid, nickname })
      state.openid = openid
      storage.set(key, openid)
      listen()
    }
  }

  async function restore(openid: string): Promise<boolean> {
    try {
      const known = await call<{ openid: string; appid: string; following: boolean; messages: PhoneMessage[] }>('GET', `${API}/phone/${encodeURIComponent(openid)}`)
      if (known.appid !== account.appid) return false
      state.openid = openid
      state.following = known.following
      state.seen = known.following || known.messages.length > 0
      known.messages.forEach(add)
      storage.set(key, openid)
      listen()
      return true
    } catch (error) {
      if (error instanceof HttpProblem && error.status === 404) return false
      throw error
    }
  }

  /** The stream first, then the snapshot again: nothing that happens in between is missed. */
  function listen(): void {
    if (closed) return
    stream = new EventSource(`${API}/phone/${encodeURIComponent(state.openid)}/events`)
    stream.onopen = () => {
      state.live = true
      void refresh()
    }
    stream.onerror = () => {
      state.live = false
      if (stream?.readyState === EventSource.CLOSED) setTimeout(listen, 2000)
    }
    stream.addEventListener('message', (event) => add(JSON.parse(event.data as string) as PhoneMessage))
    stream.addEventListener('state', (event) => {
      const { id, state: next, following } = JSON.parse(event.data as string) as { id?: string; state?: PhoneMessage['state']; following?: boolean }
      if (following !== undefined) state.following = following
      const message = state.messages.find((one) => one.id === id)
      if (message && next) message.state = next
    })
    stream.addEventListener('typing', (event) => {
      state.typing = (JSON.parse(event.data as string) as { on: boolean }).on
      clearTimeout(typingTimer)
      if (state.typing) typingTimer = setTimeout(() => (state.typing = false), 15_000)
    })
  }

  async function refresh(): Promise<void> {
    try {
      const known = await call<{ following: boolean; messages: PhoneMessage[] }>('GET', `${API}/phone/${encodeURIComponent(state.openid)}`)
      known.messages.forEach(add)
      state.messages.sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
      state.following = known.following
    } catch {
      // The stream reports the loss.
    }
  }

  async function act(name: string, body: object = {}): Promise<boolean> {
    try {
      await call('POST', `${API}/phone/${encodeURIComponent(state.openid)}/${name}`, body)
      return true
    } catch (error) {
      state.problem = error instanceof HttpProblem ? error.code : 'disconnected'
      setTimeout(() => (state.problem = ''), 3500)
      return false
    }
  }

  async function media(kind: 'image' | 'voice' | 'video', file: Blob): Promise<void> {
    try {
      const response = await fetch(`${API}/phone/${encodeURIComponent(state.openid)}/media?kind=${kind}`, { method: 'POST', headers: { 'Content-Type': file.type || 'application/octet-stream' }, body: file })
      if (!response.ok) throw new Error(String(response.status))
    } catch (error) {
      state.problem = String(error).includes('413') ? 'too_large' : 'disconnected'
      setTimeout(() => (state.problem = ''), 3500)
    }
  }

  async function follow(): Promise<void> {
    if (await act('follow')) {
      state.following = true
      state.seen = true
    }
  }

  async function unfollow(): Promise<void> {
    if (await act('unfollow')) state.following = false
  }

  function close(): void {
    closed = true
    stream?.close()
  }

  /** A new person with the same phone: the stored openid is forgotten. */
  function forget(): void {
    storage.set(key, undefined)
    close()
  }

  return { account, state, start, act, media, follow, unfollow, close, forget }
}

export function itemsOf(message: PhoneMessage): Item[] {
  if (!message.items) return []
  return Array.isArray(message.items) ? message.items : [message.items]
}
