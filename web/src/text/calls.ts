/** Every text of calls, for all faces: Chinese first, English complete. Pure. */
import type { Call, EndReason, Side } from '../wire/calls'
import type { Quality } from '../rtc/quality'
import type { Trouble } from '../rtc/trouble'
import { fill, type Params } from './i18n'
import { stopwatch, type Lang } from './time'

const zh = {
  audioCall: '语音通话', videoCall: '视频通话', startAudio: '发起语音通话', startVideo: '发起视频通话', call: '通话',
  preparing: '正在打开麦克风…', preparingVideo: '正在打开摄像头和麦克风…', calling: '正在呼叫…', ringsThere: '对方已响铃，等待接听…', joining: '正在接通…', reconnecting: '网络不稳，正在恢复通话…', signalling: '与服务器的连接中断，通话仍在继续', held: '通话已保持', heldByAgent: '客服暂时离开，请稍候…', peerMuted: '对方已静音', peerCameraOff: '对方已关闭摄像头', sharing: '正在共享您的屏幕', peerShares: '对方正在共享屏幕',
  incomingAudio: '邀请您语音通话', incomingVideo: '邀请您视频通话', accept: '接听', decline: '拒绝', cancel: '取消', hangUp: '挂断', close: '关闭', retry: '重试',
  mute: '静音', unmute: '取消静音', cameraOff: '关闭摄像头', cameraOn: '打开摄像头', hold: '保持', resume: '继续通话', share: '共享屏幕', unshare: '停止共享', record: '录制', stopRecord: '停止录制', withdrawRecord: '撤回录制请求', transfer: '转接', upgrade: '开启视频', downgrade: '转为语音', devices: '设备', test: '设备检测', more: '更多', large: '展开', small: '收起', me: '我', linkSent: '通话链接已发送给客户', sendAudioLink: '发送语音通话链接', sendVideoLink: '发送视频通话链接',
  microphone: '麦克风', camera: '摄像头', speaker: '扬声器', deviceNameless: '设备 {n}', noDevice: '没有可用设备',
  askUpgrade: '对方希望开启视频', askUpgradeText: '同意后您的摄像头会打开。', agree: '同意', refuse: '不同意', waitUpgrade: '等待对方同意开启视频…', waitRecord: '等待客户同意录制…',
  askRecord: '客服希望录制本次通话', askRecordText: '录音录像仅用于服务质量与存证。不同意也可以继续通话。', recording: '正在录制', uploading: '录制内容正在上传，请勿关闭页面',
  upgrade_denied: '对方未同意开启视频', record_denied: '客户没有同意，或不再同意录制', record_cut: '页面刷新后录制已停止，需要时请重新开始', record_broken: '浏览器无法继续录制，录制已停止，需要时请重新开始', record_unkept: '录制内容无法保存在本机，录制已停止：请检查磁盘空间', no_camera: '没有可用的摄像头，已改为只发送声音',
  good: '网络良好', fair: '网络一般', poor: '网络较差，画面和声音可能卡顿', none: '听不到对方，正在检查网络',
  rateAsk: '这次通话质量如何？', rateWhat: '哪里不好？', rateSend: '提交', rateThanks: '感谢您的评价', stars: '{n} 分',
  testTitle: '设备检测', testStart: '开始检测', testMic: '说句话，看看音量条是否跳动', testMicOk: '麦克风正常', testMicSilent: '没有听到声音：请检查麦克风是否静音、是否选对了设备', testCamera: '应能看到自己', testCameraOk: '摄像头正常', testPath: '通话线路', testPathWait: '正在检测线路…', testPathDirect: '可直连，也可经中继（TURN）', testPathRelay: '可经中继（TURN）通话', testPathNoRelay: '中继（TURN）不可用：多数网络仍可直连，受限网络可能无法通话', testPathNone: '没有可用线路：请检查防火墙是否放行 UDP，或换一个网络', testPathUnset: '未配置中继（TURN）：同一网络内可通话', testPathFailed: '暂时无法检测线路，请稍后再试', testPathSkipped: '此处不检测通话线路与中继（TURN）：请在通话中，或从客服发送的通话链接打开检测', testBack: '返回', testAgain: '重新检测',
} as const

export type CallTextKey = keyof typeof zh

const en: Record<CallTextKey, string> = {
  audioCall: 'Voice call', videoCall: 'Video call', startAudio: 'Start a voice call', startVideo: 'Start a video call', call: 'Call',
  preparing: 'Opening the microphone…', preparingVideo: 'Opening camera and microphone…', calling: 'Calling…', ringsThere: 'Ringing, waiting for an answer…', joining: 'Connecting…', reconnecting: 'Unstable network, restoring the call…', signalling: 'No link to the server; the call goes on', held: 'On hold', heldByAgent: 'The agent will be right back…', peerMuted: 'The other side is muted', peerCameraOff: 'The other side turned the camera off', sharing: 'You are sharing your screen', peerShares: 'The other side shares a screen',
  incomingAudio: 'invites you to a voice call', incomingVideo: 'invites you to a video call', accept: 'Answer', decline: 'Decline', cancel: 'Cancel', hangUp: 'Hang up', close: 'Close', retry: 'Retry',
  mute: 'Mute', unmute: 'Unmute', cameraOff: 'Turn camera off', cameraOn: 'Turn camera on', hold: 'Hold', resume: 'Resume', share: 'Share screen', unshare: 'Stop sharing', record: 'Record', stopRecord: 'Stop recording', withdrawRecord: 'Withdraw the request to record', transfer: 'Transfer', upgrade: 'Turn video on', downgrade: 'Voice only', devices: 'Devices', test: 'Test devices', more: 'More', large: 'Expand', small: 'Collapse', me: 'Me', linkSent: 'The customer has the link to the call', sendAudioLink: 'Send a link to a voice call', sendVideoLink: 'Send a link to a video call',
  microphone: 'Microphone', camera: 'Camera', speaker: 'Speaker', deviceNameless: 'Device {n}', noDevice: 'No device',
  askUpgrade: 'The other side would like video', askUpgradeText: 'Your camera opens if you agree.', agree: 'Agree', refuse: 'No', waitUpgrade: 'Waiting for consent to video…', waitRecord: 'Waiting for the customer’s consent…',
  askRecord: 'The agent would like to record this call', askRecordText: 'It is kept for quality and as evidence only. The call goes on if you refuse.', recording: 'Recording', uploading: 'The recording is being uploaded; keep this page open',
  upgrade_denied: 'The other side prefers no video', record_denied: 'The customer did not agree, or no longer agrees, to be recorded', record_cut: 'Recording stopped when the page was reloaded; start it again if you need it', record_broken: 'The browser cannot record any further; start the recording again if you need it', record_unkept: 'Recording stopped, because this device cannot keep it: check its space', no_camera: 'No camera could be used; only your voice is sent',
  good: 'Good network', fair: 'Fair network', poor: 'Poor network: picture and sound may stutter', none: 'Nothing is heard; checking the network',
  rateAsk: 'How was the quality of the call?', rateWhat: 'What was wrong?', rateSend: 'Send', rateThanks: 'Thank you', stars: '{n} of 5',
  testTitle: 'Device test', testStart: 'Start the test', testMic: 'Say something and watch the bar', testMicOk: 'The microphone works', testMicSilent: 'Nothing heard: is it muted, or the wrong device?', testCamera: 'You should see yourself', testCameraOk: 'The camera works', testPath: 'Way of the call', testPathWait: 'Looking for a way…', testPathDirect: 'Direct, and through the relay (TURN)', testPathRelay: 'Through the relay (TURN)', testPathNoRelay: 'The relay (TURN) cannot be reached: most networks still work directly, restricted ones may not', testPathNone: 'No way at all: does the firewall allow UDP? Try another network', testPathUnset: 'No relay (TURN) is set up: calls work within one network', testPathFailed: 'This cannot be tested now; try again later', testPathSkipped: 'The way and the relay (TURN) are not tested here: test during a call, or from the link to one', testBack: 'Back', testAgain: 'Test again',
}

export function callText(lang: Lang, key: CallTextKey, params?: Params): string {
  return fill((lang === 'zh' ? zh : en)[key], params)
}

type Pair = [zh: string, en: string]
const pick = (pair: Pair, lang: Lang): string => pair[lang === 'zh' ? 0 : 1]

const TROUBLES: Record<Trouble, Record<'audio' | 'video' | 'screen', Pair>> = {
  unsupported: same(['当前浏览器不支持通话：请使用最新版 Chrome、Edge、Safari 或 Firefox，并确认网址以 https:// 开头', 'This browser cannot make calls: use a current Chrome, Edge, Safari or Firefox, and an address that begins with https://']),
  wechat: same(['微信内无法使用麦克风：请点右上角「···」，选择「在浏览器中打开」', 'WeChat does not allow the microphone here: tap “···” in the corner and choose to open it in the browser']),
  denied: {
    audio: ['麦克风权限被拒绝：点击地址栏左侧的图标，将麦克风设为「允许」，然后重试', 'The microphone is blocked: click the icon left of the address, allow the microphone, and try again'],
    video: ['摄像头权限被拒绝：点击地址栏左侧的图标，将摄像头设为「允许」，然后重试', 'The camera is blocked: click the icon left of the address, allow the camera, and try again'],
    screen: ['没有共享屏幕的权限：请在系统设置中允许浏览器录制屏幕', 'Sharing is blocked: allow the browser to record the screen in the system settings'],
  },
  system: same(['系统禁止浏览器使用该设备：请在系统设置 › 隐私 中允许浏览器使用麦克风和摄像头，然后重试', 'The system keeps the browser from the device: allow microphone and camera for the browser in the system’s privacy settings, and try again']),
  none_found: {
    audio: ['没有找到麦克风：请接入麦克风或耳机，然后重试', 'No microphone found: plug in a microphone or a headset, and try again'],
    video: ['没有找到摄像头：请接入摄像头，然后重试', 'No camera found: plug one in, and try again'],
    screen: ['没有可以共享的屏幕', 'There is no screen to share'],
  },
  in_use: {
    audio: ['麦克风正被其他程序占用：请关闭其他通话软件，然后重试', 'Another program uses the microphone: close it, and try again'],
    video: ['摄像头正被其他程序占用：请关闭其他视频软件，然后重试', 'Another program uses the camera: close it, and try again'],
    screen: ['暂时无法共享屏幕，请重试', 'The screen cannot be shared now; try again'],
  },
  unplugged: same(['所选设备已断开：请在「设备」中另选一个', 'The chosen device is gone: choose another one under “Devices”']),
  unknown: same(['设备未能打开，请重试；仍不行请换一个浏览器', 'The device did not open; try again, or another browser']),
}

function same(pair: Pair): Record<'audio' | 'video' | 'screen', Pair> {
  return { audio: pair, video: pair, screen: pair }
}

/** What keeps us from a device, and what to do about it. */
export function troubleText(trouble: { what: Trouble; of: 'audio' | 'video' | 'screen' }, lang: Lang): string {
  return pick(TROUBLES[trouble.what][trouble.of], lang)
}

/** What may be wrong with a call, as the gateway keeps it. */
export const PROBLEMS = ['no_sound', 'choppy', 'echo', 'noise', 'delay', 'no_picture', 'blurry', 'dropped'] as const
export type Problem = (typeof PROBLEMS)[number]

const PROBLEM_TEXTS: Record<Problem, Pair> = {
  no_sound: ['听不到声音', 'No sound'],
  choppy: ['声音断续', 'Choppy sound'],
  echo: ['有回声', 'Echo'],
  noise: ['杂音', 'Noise'],
  delay: ['延迟大', 'Delay'],
  no_picture: ['没有画面', 'No picture'],
  blurry: ['画面模糊或卡顿', 'Poor picture'],
  dropped: ['中断过', 'Interrupted'],
}

export const problemText = (problem: Problem, lang: Lang): string => pick(PROBLEM_TEXTS[problem], lang)

export const qualityText = (quality: Quality, lang: Lang): string => callText(lang, quality)

const ENDS: Record<EndReason, Pair> = {
  hangup_contact: ['客户已挂断', 'The customer hung up'],
  hangup_agent: ['客服已挂断', 'The agent hung up'],
  declined: ['对方未接受', 'Declined'],
  no_answer: ['无人接听', 'No answer'],
  busy: ['对方忙', 'Busy'],
  cancelled: ['已取消', 'Cancelled'],
  ice_failed: ['未能接通：请检查网络或换一个网络后重试', 'It could not be connected: check the network, or try another one'],
  media_denied: ['对方无法使用麦克风或摄像头', 'The other side could not use microphone or camera'],
  lost: ['网络中断，通话已结束', 'The connection was lost'],
  session_ended: ['会话已结束', 'The conversation has ended'],
  replaced: ['会话已转给其他客服，通话已结束', 'The conversation went to somebody else'],
  max_duration: ['已达到最长时间', 'The time was used up'],
  admin: ['管理员结束了通话', 'Ended by an administrator'],
  server_restart: ['服务重启，通话已结束，请重新呼叫', 'The service restarted; call again'],
}

/** Why a call is over, as one of the two sides is told. */
export function endText(reason: EndReason, side: Side, lang: Lang): string {
  if (reason === 'media_denied') return lang === 'zh' ? '麦克风或摄像头不可用，未能通话' : 'Microphone or camera could not be used'
  if ((reason === 'hangup_agent' && side === 'agent') || (reason === 'hangup_contact' && side === 'contact')) return lang === 'zh' ? '您已挂断' : 'You hung up'
  return pick(ENDS[reason] ?? [reason, reason], lang)
}

/** A line in the conversation: `call.started`, `call.ended`. Undefined for anything else. */
export function callEvent(name: string, data: Record<string, unknown>, lang: Lang): string | undefined {
  const media = data.media as { video?: unknown } | undefined
  const what = callText(lang, media?.video === true ? 'videoCall' : 'audioCall')
  if (name === 'call.started') return lang === 'zh' ? `${what}已接通` : `${what} connected`
  if (name !== 'call.ended') return undefined
  const talk = typeof data.talk_ms === 'number' ? data.talk_ms : 0
  const reason = pick(ENDS[data.reason as EndReason] ?? ['已结束', 'ended'], lang)
  if (talk > 0) return lang === 'zh' ? `${what}结束 · ${stopwatch(talk)} · ${reason}` : `${what} ended · ${stopwatch(talk)} · ${reason}`
  return lang === 'zh' ? `${what}未接通 · ${reason}` : `${what} not connected · ${reason}`
}

/** How long they have been talking. */
export function talkTime(call: Call | undefined, now: number): string {
  const began = Date.parse(call?.connected_at ?? '')
  return Number.isFinite(began) ? stopwatch(now - began) : ''
}
