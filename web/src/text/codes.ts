/** Refusals in words: what happened and what to do now. Pure. */
import type { Lang } from './time'

const TEXTS: Record<string, [zh: string, en: string]> = {
  bad_request: ['内容格式不被接受', 'The content was not accepted'],
  unauthenticated: ['登录已失效，请重新登录', 'You are signed out; please sign in again'],
  forbidden: ['没有权限执行此操作', 'You may not do this'],
  not_found: ['目标不存在或已移除', 'It does not exist any more'],
  unsupported_op: ['服务端不支持此操作', 'The server does not support this'],
  unsupported_type: ['该渠道不支持这种消息，请改发文字或图片', 'This channel cannot carry this kind of message; send text or a picture'],
  too_large: ['内容过大，请缩短或压缩后再发', 'Too large; shorten or compress it'],
  rate_limited: ['操作太频繁，请稍候再试', 'Too fast; try again in a moment'],
  conflict: ['状态已变化，请查看最新情况', 'The state has changed; look again'],
  stale_epoch: ['会话已换人接待，消息未发送', 'The conversation changed hands; the message was not sent'],
  offer_gone: ['该会话已被接走或已取消', 'The offer is gone'],
  not_in_control: ['当前不由您接待，消息未发送', 'You are not in charge here; the message was not sent'],
  session_ended: ['会话已结束，无法再发送', 'The conversation has ended'],
  queue_full: ['排队人数已满，请稍后再试', 'The queue is full; try again later'],
  queue_closed: ['现在不在服务时间', 'Outside service hours'],
  no_agent: ['暂无客服在线', 'No agent is available'],
  agent_capacity: ['接待数已满', 'Your capacity is used up'],
  already_queued: ['已在排队中', 'Already waiting'],
  call_busy: ['对方或您正在另一个通话中', 'You or the other side is in another call'],
  call_gone: ['通话已结束或已在别处接听', 'The call has ended, or was answered elsewhere'],
  media_rejected: ['文件类型不被接受', 'This kind of file is not accepted'],
  channel_window_closed: ['已超过可回复时间，等客户再次发言后才能送达', 'The reply window is closed; it can be delivered once the customer writes again'],
  channel_quota: ['本轮可发条数已用完，等客户再次发言后才能送达', 'No messages left in this window; it can be delivered once the customer writes again'],
  channel_account_disabled: ['公众号已停用，请联系管理员', 'The channel account is disabled; ask an administrator'],
  blocked_content: ['内容被规则拦截，请修改后再发', 'Blocked by a content rule; change it'],
  dependency_unavailable: ['依赖的服务暂不可用，请稍后重试', 'A service is unavailable; try again later'],
  timeout: ['等待超时，请重试', 'It took too long; try again'],
  internal: ['服务出错，请重试', 'Something went wrong; try again'],
  disconnected: ['连接中断，恢复后自动重试', 'Disconnected; it will be tried again'],
  cancelled: ['已取消', 'Cancelled'],
  xmpp_no_account: ['对方的 XMPP 账号不存在', 'There is no such XMPP account'],
  xmpp_away: ['对方不在线且不收离线消息，或账号不存在', 'Nobody is there, or there is no such account'],
  xmpp_unreachable: ['连不上对方的 XMPP 服务器', 'The customer’s XMPP server cannot be reached'],
  xmpp_refused: ['对方或其服务器拒收', 'The customer, or their server, refuses it'],
  xmpp_full: ['对方暂时收不下更多消息', 'The customer can take no more for now'],
  xmpp_bounced: ['被对方的服务器退回', 'The customer’s server sent it back'],
  '45015': ['超过 48 小时未互动，等客户再次发言后才能送达', 'More than 48 h without contact; wait until the customer writes again'],
  '45047': ['微信下行条数已用完，等客户再次发言后才能送达', 'WeChat allows no more messages until the customer writes again'],
  '45002': ['文字过长，微信拒绝接收', 'Too long for WeChat'],
  '43004': ['客户未关注公众号，无法送达', 'The customer does not follow the account'],
  '40001': ['公众号凭据无效，请联系管理员', 'The account’s credentials are invalid; ask an administrator'],
  '40003': ['客户标识无效，无法送达', 'Unknown customer id'],
  '45009': ['公众号接口调用次数已达上限', 'The account’s daily API quota is used up'],
  '45011': ['公众号接口调用过于频繁', 'The account’s API is called too often'],
  '48001': ['公众号没有客服消息权限，请联系管理员', 'The account lacks the permission; ask an administrator'],
  '48002': ['客户关闭了接收消息', 'The customer refuses messages'],
}

/** The gateway's own sentences are Chinese and English around a slash: the half that is asked for. */
export function half(text: string, lang: Lang): string {
  const [zh, en] = text.split(' / ')
  return en === undefined ? text : lang === 'zh' ? (zh ?? text) : en
}

export function codeText(code: string | undefined, lang: Lang): string {
  const column = lang === 'zh' ? 0 : 1
  if (!code) return lang === 'zh' ? '未能送达' : 'Not delivered'
  const known = TEXTS[code] ?? TEXTS[code.replace(/\D/g, '')]
  return known?.[column] ?? (lang === 'zh' ? `未能送达（${code}）` : `Not delivered (${code})`)
}
