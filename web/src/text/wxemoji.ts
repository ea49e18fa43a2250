/** The bracket codes that WeChat uses for its own little faces, as emoji. Pure. */

const CODES: Record<string, string> = {
  微笑: '🙂', 撇嘴: '😟', 色: '😍', 发呆: '😳', 得意: '😎', 流泪: '😢', 害羞: '☺️', 闭嘴: '🤐', 睡: '😴', 大哭: '😭',
  尴尬: '😅', 发怒: '😡', 调皮: '😜', 呲牙: '😁', 惊讶: '😮', 难过: '🙁', 抓狂: '😫', 吐: '🤮', 偷笑: '🤭', 愉快: '😊',
  白眼: '🙄', 傲慢: '😤', 困: '🥱', 惊恐: '😱', 憨笑: '😄', 悠闲: '😌', 咒骂: '🤬', 疑问: '🤔', 嘘: '🤫', 晕: '😵',
  衰: '😞', 骷髅: '💀', 敲打: '🔨', 再见: '👋', 擦汗: '😓', 鼓掌: '👏', 坏笑: '😏', 鄙视: '😒', 委屈: '🥺', 快哭了: '😿',
  阴险: '😈', 亲亲: '😘', 可怜: '🥺', 笑脸: '😀', 生病: '😷', 脸红: '😊', 破涕为笑: '😂', 恐惧: '😨', 失望: '😔', 无语: '😑',
  嘿哈: '✌️', 捂脸: '🤦', 奸笑: '😼', 机智: '🧐', 皱眉: '😣', 耶: '✌️', 吃瓜: '🍉', 加油: '💪', 汗: '😓', 天啊: '😱',
  社会社会: '🤝', 旺柴: '🐶', 好的: '👌', 哇: '🤩', 拥抱: '🤗', 强: '👍', 弱: '👎', 握手: '🤝', 胜利: '✌️', 抱拳: '🙏',
  勾引: '👈', 拳头: '👊', OK: '👌', 合十: '🙏', 啤酒: '🍺', 咖啡: '☕', 蛋糕: '🎂', 玫瑰: '🌹', 凋谢: '🥀', 嘴唇: '💋',
  爱心: '❤️', 心碎: '💔', 太阳: '☀️', 月亮: '🌙', 庆祝: '🎉', 礼物: '🎁', 红包: '🧧', 發: '🀅', 福: '🧧', 烟花: '🎆', 爆竹: '🧨',
}

const SLASHED: Record<string, string> = {
  '/::)': '🙂', '/::~': '😟', '/::B': '😍', '/::|': '😳', '/:8-)': '😎', '/::<': '😢', '/::$': '☺️', '/::X': '🤐', '/::Z': '😴',
  "/::'(": '😭', '/::-|': '😅', '/::@': '😡', '/::P': '😜', '/::D': '😁', '/::O': '😮', '/::(': '🙁', '/:,@-D': '🤭', '/:bye': '👋',
  '/:strong': '👍', '/:weak': '👎', '/:share': '🤝', '/:v': '✌️', '/:@)': '🙏', '/:ok': '👌', '/:rose': '🌹', '/:heart': '❤️', '/:sun': '☀️',
}

export function wechatEmoji(text: string): string {
  if (!text.includes('[') && !text.includes('/:')) return text
  return text
    .replace(/\[(\p{Script=Han}{1,4}|OK)\]/gu, (whole, name: string) => CODES[name] ?? whole)
    .replace(/\/:(?:[:8,@][^\s\u4e00-\u9fff]{1,3}|bye|strong|weak|share|v|ok|rose|heart|sun)/g, (whole) => {
      for (let length = whole.length; length > 2; length -= 1) {
        const found = SLASHED[whole.slice(0, length)]
        if (found) return found + whole.slice(length)
      }
      return whole
    })
}

/** What the pickers offer, most used first. */
export const PICKER = [
  ...'😀😁😂🤣😊🙂😉😍😘😜😎🤔🤗🤩😅😓😔😢😭😡😱😴🤧😷🙏👌👍👎👏💪🤝✌️👋🙌❤️💔🌹🎉🎁🎂🧧☕🍺☀️🌙⭐🔥✅❌❗❓💰💳🏦🧾📄📷📞⏰📍'.matchAll(/\p{Extended_Pictographic}\ufe0f?/gu),
].map((match) => match[0])
