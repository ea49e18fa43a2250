/** Every text of the visitor widget. */
import { createI18n } from '../text/i18n'

const zh = {
  title: '在线客服', open: '打开在线客服', openUnread: '打开在线客服，{n} 条新消息', minimise: '收起', hello: '您好，有什么可以帮您？', online: '在线', robot: '智能助手', agentNow: '{name} 正在为您服务', connecting: '正在连接…', reconnecting: '正在重新连接…', waitingYou: '正在排队', ended: '会话已结束', message: '留言',
  placeholder: '输入消息…', send: '发送', emoji: '表情', picture: '图片', human: '转人工', endChat: '结束会话', endAsk: '结束本次会话？', yes: '结束', no: '继续聊', again: '再次咨询', endedText: '感谢您的咨询，本次会话已结束。',
  queuePos: '排队中，前面还有 {n} 位', queueNext: '排队中，马上轮到您', queueWait: '排队中，请稍候', ewt: '预计 {time}', cancelQueue: '取消排队',
  sending: '发送中', sent: '已发送', delivered: '已送达', read: '已读', failed: '未发送：{why}', waiting: '待连接恢复后发送', retry: '重试', remove: '删除', typing: '正在输入', today: '今天',
  lmTitle: '给我们留言', lmText: '现在暂无客服在线。请留下问题，我们会尽快联系您。', lmMessage: '您的问题', lmPhone: '联系电话（选填）', lmSend: '提交留言', lmDone: '留言已收到，我们会尽快联系您。', lmBack: '返回聊天',
  unavailable: '客服暂时无法连接', unavailableText: '请稍后再试。', retryNow: '重试', replaced: '已在其他页面打开', replacedText: '同一浏览器的另一个页面正在使用客服。', useHere: '在此使用', tooLarge: '图片超过 10 MB', uploadFailed: '图片未能发送：{why}', uploading: '正在上传 {n}%', viewPicture: '查看图片', cancel: '取消', system: '系统', tooLong: '超出 {n} 字', older: '更早的消息', recalled: '对方撤回了一条消息', newMsg: '新消息：{text}', powered: '驿站提供服务', edited: '已编辑', you: '我',
  helpAsk: '这条回答有帮助吗？', helpYes: '有帮助', helpNo: '没帮助', helpThanks: '感谢您的反馈',
} as const

const en: Record<keyof typeof zh, string> = {
  title: 'Customer service', open: 'Open customer service', openUnread: 'Open customer service, {n} new messages', minimise: 'Minimise', hello: 'Hello! How can we help?', online: 'Online', robot: 'Assistant', agentNow: '{name} is with you', connecting: 'Connecting…', reconnecting: 'Reconnecting…', waitingYou: 'Waiting', ended: 'Conversation ended', message: 'Message',
  placeholder: 'Write a message…', send: 'Send', emoji: 'Emoji', picture: 'Picture', human: 'Talk to a person', endChat: 'End chat', endAsk: 'End this conversation?', yes: 'End', no: 'Keep talking', again: 'Start again', endedText: 'Thank you. This conversation has ended.',
  queuePos: 'Waiting; {n} before you', queueNext: 'Waiting; you are next', queueWait: 'Waiting for an agent', ewt: '{time}', cancelQueue: 'Cancel',
  sending: 'Sending', sent: 'Sent', delivered: 'Delivered', read: 'Read', failed: 'Not sent: {why}', waiting: 'Will be sent once connected', retry: 'Retry', remove: 'Delete', typing: 'Typing', today: 'Today',
  lmTitle: 'Leave a message', lmText: 'Nobody is available right now. Leave your question and we will get back to you.', lmMessage: 'Your question', lmPhone: 'Phone (optional)', lmSend: 'Send message', lmDone: 'Thank you, we will get back to you.', lmBack: 'Back to chat',
  unavailable: 'Customer service is not reachable', unavailableText: 'Please try again later.', retryNow: 'Retry', replaced: 'Opened on another page', replacedText: 'Another page of this browser is using the chat.', useHere: 'Use here', tooLarge: 'The picture is larger than 10 MB', uploadFailed: 'The picture was not sent: {why}', uploading: 'Uploading {n}%', viewPicture: 'View picture', cancel: 'Cancel', system: 'System', tooLong: '{n} characters too long', older: 'Earlier messages', recalled: 'A message was recalled', newMsg: 'New message: {text}', powered: 'Powered by Yizhan', edited: 'edited', you: 'Me',
  helpAsk: 'Was this answer helpful?', helpYes: 'Helpful', helpNo: 'Not helpful', helpThanks: 'Thank you for the feedback',
}

export const params = new URLSearchParams(window.location.search)
// The language is the page's, as the loader reports it; opened alone, the browser's.
const asked = params.get('lang') || navigator.language
export const i18n = createI18n(zh, en, /^en/i.test(asked) ? 'en' : 'zh')
export const { t, lang } = i18n
