/** System lines: what an event in the log means, in words. Pure. */
import type { Envelope } from '../wire/protocol'
import { callEvent } from './calls'
import { machineEvent } from './robot'
import type { Lang } from './time'

const TEXTS: Record<string, [zh: string, en: string]> = {
  'session.agent_changed': ['会话已转接给{agent}', 'Transferred to {agent}'],
  'session.handoff_refused': ['暂时无法转人工', 'No agent could be asked'],
  'session.queue_left': ['客户离开排队', 'Customer left the queue'],
  'assignment.lost': ['客服{agent}掉线，正在重新安排', 'Agent {agent} lost connection; finding another'],
  'contact.gone': ['客户已离开', 'The customer is gone'],
  'transfer.requested': ['{from}发起转接', '{from} started a transfer'],
  'transfer.failed': ['转接未成功，由原客服继续', 'Transfer failed; the same agent continues'],
  created: ['会话开始', 'Conversation started'],
  started: ['会话开始', 'Conversation started'],
  opened: ['会话开始', 'Conversation started'],
  queued: ['客户进入排队', 'Customer entered the queue'],
  requeued: ['重新排队', 'Back in the queue'],
  offered: ['正在分配客服', 'Finding an agent'],
  connected: ['客服{agent}已接入', 'Agent {agent} joined'],
  accepted: ['客服{agent}已接入', 'Agent {agent} joined'],
  rejected: ['{agent}未接受', '{agent} declined'],
  expired: ['邀请已过期', 'Offer expired'],
  transfer_requested: ['{agent}发起转接', '{agent} started a transfer'],
  transferring: ['{agent}发起转接', '{agent} started a transfer'],
  transferred: ['会话已转接给{agent}', 'Transferred to {agent}'],
  transfer_failed: ['转接未成功，由原客服继续', 'Transfer failed; the same agent continues'],
  transfer_rejected: ['对方未接受转接，由原客服继续', 'Transfer declined; the same agent continues'],
  transfer_expired: ['转接无人应答，由原客服继续', 'Transfer not answered; the same agent continues'],
  transfer_cancelled: ['转接已取消', 'Transfer cancelled'],
  agent_lost: ['客服掉线，正在重新安排', 'The agent lost connection; finding another'],
  cancelled: ['客户取消排队', 'Customer left the queue'],
  queue_cancelled: ['客户取消排队', 'Customer left the queue'],
  abandoned: ['客户离开', 'Customer left'],
  ended: ['会话结束', 'Conversation ended'],
  handoff: ['客户请求人工服务', 'Customer asked for an agent'],
  left_message: ['客户留言', 'Customer left a message'],
  leave_message: ['客户留言', 'Customer left a message'],
  reopened: ['客户再次来访', 'Customer came back'],
  subscribe: ['客户关注了公众号', 'Customer followed the account'],
  followed: ['客户关注了公众号', 'Customer followed the account'],
  unsubscribe: ['客户取消关注', 'Customer unfollowed the account'],
  unfollowed: ['客户取消关注', 'Customer unfollowed the account'],
  scan: ['客户扫描了二维码', 'Customer scanned a code'],
  scanned: ['客户扫描了二维码', 'Customer scanned a code'],
  click: ['客户点击菜单', 'Customer tapped the menu'],
  menu_clicked: ['客户点击菜单', 'Customer tapped the menu'],
  view: ['客户打开菜单链接', 'Customer opened a menu link'],
  position: ['客户上报了位置', 'Customer reported a position'],
  online: ['客户上线', 'Customer is online'],
  offline: ['客户离线', 'Customer is offline'],
}

/** The details worth a line; the first two are words of ours, the others somebody else's. */
const DETAILS = ['reason', 'why', 'label', 'key', 'scene', 'queue_name', 'text'] as const

/** `named` turns an agent's id into a name, where the page knows it. */
export function eventText(envelope: Envelope, lang: Lang, named: (id: string) => string = (id) => id): string {
  if (envelope.type !== 'event') return envelope.fallback
  const { name } = envelope.body
  // What a channel reports comes as `{name, data}` inside the event.
  const outer = record(envelope.body.data)
  const data = { ...outer, ...record(outer.data) }
  const special = machineEvent(name, data, lang) ?? callEvent(name, data, lang)
  if (special) return special
  const last = name.split('.').pop() ?? name
  const found = TEXTS[name] ?? TEXTS[last]
  if (!found) return envelope.fallback && envelope.fallback !== `[${name}]` ? envelope.fallback : name
  const who = (text: unknown, id: unknown) => (typeof text === 'string' && text ? ` ${text} ` : typeof id === 'string' ? ` ${named(id)} ` : '')
  const text = found[lang === 'zh' ? 0 : 1].replace('{agent}', who(data.agent_name, data.agent)).replace('{from}', who(undefined, data.from)).replace(/\s+/g, ' ').trim()
  const key = DETAILS.find((one) => typeof data[one] === 'string' && data[one] !== '')
  if (!key) return text
  const detail = String(data[key])
  return `${text} · ${key === 'reason' || key === 'why' ? reasonText(detail, lang) : detail}`
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

const REASONS: Record<string, [zh: string, en: string]> = {
  no_answer: ['多次未应答', 'missed offers'],
  rejected: ['对方未接受', 'declined'],
  not_ready: ['已不在就绪状态', 'not ready any more'],
  taken_elsewhere: ['已被其他窗口或同事接受', 'accepted elsewhere'],
  idle: ['长时间无消息', 'no messages for a long time'],
  contact_idle: ['客户长时间未回复', 'customer idle'],
  queue_timeout: ['排队超时', 'waited too long'],
  abandoned: ['客户离开', 'customer left'],
  left_message: ['已留言', 'message left'],
  unsubscribed: ['取消关注', 'unfollowed'],
  agent: ['客服结束', 'by the agent'],
  contact: ['客户结束', 'by the customer'],
  system: ['系统结束', 'by the system'],
  solved: ['已解决', 'solved'],
  follow_up: ['需跟进', 'needs follow-up'],
  other: ['其他', 'other'],
  accepted: ['已被接受', 'accepted elsewhere'],
  expired: ['已超时', 'expired'],
  cancelled: ['客户取消', 'cancelled by the customer'],
  revoked: ['已撤回', 'withdrawn'],
  taken: ['已被其他窗口或同事接受', 'accepted elsewhere'],
}

export function reasonText(reason: string, lang: Lang): string {
  return REASONS[reason]?.[lang === 'zh' ? 0 : 1] ?? reason
}
