/** Every text of the call page that is not about calls in general. */
import { createI18n } from '../text/i18n'

const zh = {
  title: '通话', opening: '正在打开…', invitesVideo: '邀请您视频通话', invitesAudio: '邀请您语音通话', from: '来自 {name}', agent: '客服', joinVideo: '加入视频通话', joinAudio: '加入语音通话', onlyAudio: '只用语音', hint: '加入时浏览器会请求使用麦克风和摄像头，请选择「允许」', hintAudio: '加入时浏览器会请求使用麦克风，请选择「允许」', connecting: '正在连接服务器…', waitAgent: '客服正在另一个通话中，请稍后再试',
  invalid: '链接无效', invalidText: '请从微信会话中重新打开客服发送的链接。', over: '链接已失效', overText: '会话已结束或链接已过期，请在微信中联系客服重新发送。', busy: '访问过于频繁', busyText: '请稍等一分钟再打开。', offline: '暂时连接不上', offlineText: '请检查网络后重试。', again: '重试', callAgain: '重新呼叫', closeText: '可以关闭此页面，回到微信继续聊天。', back: '返回微信', replaced: '已在其他页面打开', replacedText: '同一链接的另一个页面正在使用。', useHere: '在此使用',
  wechatTitle: '请在浏览器中打开', wechat1: '点击右上角「···」', wechat2: '选择「在浏览器中打开」（或「在默认浏览器中打开」）', wechat3: '在打开的页面中加入通话', cannotTitle: '此浏览器不能通话', copy: '复制链接', copied: '已复制', test: '设备检测', testOnly: '麦克风与摄像头检测', language: 'English',
} as const

const en: Record<keyof typeof zh, string> = {
  title: 'Call', opening: 'Opening…', invitesVideo: 'invites you to a video call', invitesAudio: 'invites you to a voice call', from: 'From {name}', agent: 'Customer service', joinVideo: 'Join the video call', joinAudio: 'Join the voice call', onlyAudio: 'Voice only', hint: 'The browser will ask for microphone and camera: please allow them', hintAudio: 'The browser will ask for the microphone: please allow it', connecting: 'Connecting…', waitAgent: 'The agent is in another call; try again in a moment',
  invalid: 'This link is not valid', invalidText: 'Open the link again from the conversation in WeChat.', over: 'This link is over', overText: 'The conversation has ended or the link has expired; ask for a new one in WeChat.', busy: 'Too many visits', busyText: 'Wait a minute before you open it again.', offline: 'No connection', offlineText: 'Check the network and try again.', again: 'Retry', callAgain: 'Call again', closeText: 'You can close this page and go on in WeChat.', back: 'Back to WeChat', replaced: 'Opened on another page', replacedText: 'Another page uses this link.', useHere: 'Use here',
  wechatTitle: 'Open this in your browser', wechat1: 'Tap “···” in the corner above', wechat2: 'Choose to open the page in the browser', wechat3: 'Join the call on the page that opens', cannotTitle: 'This browser cannot make calls', copy: 'Copy the link', copied: 'Copied', test: 'Test devices', testOnly: 'Microphone and camera', language: '中文',
}

const asked = new URLSearchParams(window.location.search).get('lang') || navigator.language
export const i18n = createI18n(zh, en, /^en/i.test(asked) ? 'en' : 'zh')
export const { t, lang } = i18n
