/** Every text of the phone page. */
import { createI18n, startLang } from '../text/i18n'
import { PageStorage } from '../wire/store'

export const storage = PageStorage.open()

const zh = {
  wechat: '微信', chats: '公众号', choose: '选择一个公众号开始', enter: '进入', follow: '关注公众号', following: '已关注', unfollow: '不再关注', unfollowAsk: '不再关注后，将不再收到其下发的消息', cancel: '取消',
  intro: '企业客户服务 · 演示账号', typing: '对方正在输入…', send: '发送', album: '照片', camera: '拍摄', voice: '语音文件', location: '位置', link: '链接', scan: '扫一扫', video: '视频', more: '更多', emoji: '表情', keyboard: '键盘', menu: '菜单',
  aiNote: '内容由AI生成', hold: '消息', failed: '未能送达', sending: '发送中', openPage: '即将打开网页', open: '打开', scene: '二维码场景值', scanGo: '扫描', place: '发送位置', placeName: '地点名称', lat: '纬度', lon: '经度', share: '分享链接', title: '标题', desc: '描述', url: '网址',
  nickname: '我的昵称', profile: '资料', followHint: '关注后即可收发消息', you: '我', today: '今天', yesterday: '昨天', back: '返回', notFollowing: '你还没有关注这个公众号', reset: '换一位新客户', lang: 'English',
  sideTitle: '微信手机模拟', sideText: '这里扮演一位关注了公众号的客户。每条消息都按微信的真实协议签名、加密后推送给网关，答复也走真实的客服接口。', sideTry: '可以这样试',
  try1: '点「关注公众号」，会收到欢迎语', try2: '直接提问：第一句话就会接入人工客服', try3: '在坐席台接受会话，来回聊几句', try4: '发图片、位置，或点底部菜单', console: '打开坐席台', openid: 'OpenID', window: '平台侧额度', live: '已连接', lost: '正在重新连接…', miniprogram: '小程序', news: '图文', unsupported: '[暂不支持的消息]', tooLarge: '文件太大', refused: '操作未成功', voiceMsg: '语音', close: '关闭', viewPicture: '查看图片',
} as const

const en: Record<keyof typeof zh, string> = {
  wechat: 'WeChat', chats: 'Official accounts', choose: 'Choose an account to begin', enter: 'Enter', follow: 'Follow', following: 'Following', unfollow: 'Unfollow', unfollowAsk: 'You will not receive its messages any more', cancel: 'Cancel',
  intro: 'Customer service · demo account', typing: 'Typing…', send: 'Send', album: 'Album', camera: 'Camera', voice: 'Voice file', location: 'Location', link: 'Link', scan: 'Scan', video: 'Video', more: 'More', emoji: 'Emoji', keyboard: 'Keyboard', menu: 'Menu',
  aiNote: 'Written by AI', hold: 'Message', failed: 'Not delivered', sending: 'Sending', openPage: 'About to open a page', open: 'Open', scene: 'Scene of the code', scanGo: 'Scan', place: 'Send a location', placeName: 'Name', lat: 'Latitude', lon: 'Longitude', share: 'Share a link', title: 'Title', desc: 'Description', url: 'Address',
  nickname: 'My nickname', profile: 'Profile', followHint: 'Follow to exchange messages', you: 'Me', today: 'Today', yesterday: 'Yesterday', back: 'Back', notFollowing: 'You do not follow this account yet', reset: 'Become a new customer', lang: '中文',
  sideTitle: 'WeChat phone simulator', sideText: 'This plays a customer who follows the public account. Each message is signed, encrypted and pushed to the gateway by WeChat’s real protocol; answers come through the real customer-service API.', sideTry: 'Things to try',
  try1: 'Tap “Follow”: a welcome arrives', try2: 'Ask something: your first message already asks for a person', try3: 'Accept the conversation on the agent desk and talk', try4: 'Send pictures and locations, or use the menu below', console: 'Open the agent desk', openid: 'OpenID', window: 'Allowance', live: 'Connected', lost: 'Reconnecting…', miniprogram: 'Mini program', news: 'Article', unsupported: '[Unsupported message]', tooLarge: 'The file is too large', refused: 'That did not work', voiceMsg: 'Voice', close: 'Close', viewPicture: 'View picture',
}

export const i18n = createI18n(zh, en, startLang(storage.get('yz.lang'), window.location.search), (lang) => storage.set('yz.lang', lang))
export const { t, lang } = i18n
