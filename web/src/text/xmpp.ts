/** How XMPP accounts stand, in words: links, what to do about those that are down, whom servers let us see. Pure. */
import type { XmppAccount, XmppAgent, XmppLink } from '../wire/xmpp'
import { half } from './codes'
import type { Lang } from './time'

/** `good` needs nobody, `warn` waits for somebody, `seal` does not work. */
export type Tone = 'good' | 'warn' | 'seal' | 'plain'

export interface Standing {
  tone: Tone
  text: string
  /** What is wrong or has to be done. */
  hint?: string
}

type Words = Record<string, [zh: string, en: string]>

const REASONS: Words = {
  unreachable: ['连不上服务器：请检查地址、端口与防火墙', 'The server cannot be reached: check its address, its component port and the firewall'],
  silent: ['服务器没有回应：这是它的组件端口吗？', 'The server did not answer: is this its component port?'],
  not_authorized: ['密钥与服务器配置中的不一致（ejabberd 未配置该域名时也这样回答）', 'The secret differs from the one in the server’s configuration (ejabberd says so, too, where it knows no such domain)'],
  host_unknown: ['服务器的配置里没有这个组件域名', 'The server’s configuration names no such component'],
  conflict: ['该域名已被另一个连接占用：是否有别的网关或程序在使用？', 'Another connection serves this domain: another gateway, or another program?'],
  stream_error: ['服务器中止了连接', 'The server ended the stream'],
  bad_input: ['服务器发来无法接受的内容，连接已关闭', 'The server sent what cannot be accepted; the link was closed'],
  broken: ['连接中断，正在自动重连', 'The connection broke; it is tried again by itself'],
  closed: ['服务器关闭了连接，正在自动重连', 'The server closed the stream; it is tried again by itself'],
  dead: ['服务器不再应答，正在自动重连', 'The server answers no more; it is tried again by itself'],
  stopped: ['原节点已停止，等待另一个节点接手', 'The node that had the link was stopped; nobody has taken it yet'],
}

const SUBSCRIPTIONS: Record<string, { tone: Tone; text: [string, string]; hint?: [string, string] }> = {
  unasked: { tone: 'plain', text: ['尚未请求', 'Not asked yet'] },
  asked: { tone: 'warn', text: ['待坐席同意', 'Waits for approval'], hint: ['请坐席在自己的客户端里同意来自 {by} 的联系人请求（只需一次）', 'The agent has to approve the contact request of {by} once'] },
  granted: { tone: 'good', text: ['已同意', 'Approved'] },
  denied: { tone: 'seal', text: ['已拒绝', 'Refused'], hint: ['请坐席把 {by} 加为联系人', 'The agent has to add {by} as a contact'] },
  invalid: { tone: 'seal', text: ['账号不存在', 'No such account'], hint: ['服务器上没有这个账号：请核对地址', 'The server knows no such account: check the address'] },
}

const SHOWN: Words = {
  here: ['在线', 'Available'],
  away: ['离开', 'Away'],
  xa: ['长时间离开', 'Extended away'],
  dnd: ['请勿打扰', 'Do not disturb'],
}

const pick = (words: readonly [string, string], lang: Lang): string => words[lang === 'zh' ? 0 : 1]

/** A link that is down says why; what is not known here is told in the gateway's words. */
export function linkStanding({ state, code, reason }: XmppLink, lang: Lang): Standing {
  if (state === 'up') return { tone: 'good', text: pick(['已连接', 'Connected'], lang) }
  if (state !== 'down') return { tone: 'plain', text: pick(['尚未连接', 'Not connected yet'], lang) }
  const known = code ? REASONS[code] : undefined
  // A server's own words say more than we can.
  const said = reason ? half(reason, lang) : undefined
  const hint = known && code !== 'stream_error' ? pick(known, lang) : (said ?? (known && pick(known, lang)))
  return { tone: 'seal', text: pick(['未连接', 'Not connected'], lang), ...(hint && { hint }) }
}

/** Whether the gateway may see the agent's presence, and what it shows. */
export function agentStanding({ subscription, asked_by, shown, hint }: XmppAgent, lang: Lang): Standing {
  const known = SUBSCRIPTIONS[subscription]
  if (!known) return { tone: 'plain', text: subscription, ...(hint && { hint: half(hint, lang) }) }
  if (subscription === 'granted') {
    return shown ? { tone: 'good', text: pick(SHOWN[shown] ?? [shown, shown], lang) } : { tone: 'plain', text: pick(['不在线', 'Offline'], lang) }
  }
  return { tone: known.tone, text: pick(known.text, lang), ...(known.hint && { hint: pick(known.hint, lang).replace('{by}', asked_by ?? (lang === 'zh' ? '队列地址' : 'the queue')) }) }
}

/** How many links and agents wait for somebody. */
export function troubles(accounts: readonly XmppAccount[]): number {
  const bad = ({ tone }: Standing): boolean => tone === 'seal' || tone === 'warn'
  return accounts.reduce((sum, { link, agents }) => sum + Number(bad(linkStanding(link, 'zh'))) + agents.filter((agent) => bad(agentStanding(agent, 'zh'))).length, 0)
}
