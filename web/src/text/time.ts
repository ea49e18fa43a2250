/** Times and amounts as people read them. Pure: the caller brings the time. */

export type Lang = 'zh' | 'en'

const two = (n: number) => String(n).padStart(2, '0')

export function clock(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}`
}

function sameDay(a: Date, b: Date): boolean {
  return a.getFullYear() === b.getFullYear() && a.getMonth() === b.getMonth() && a.getDate() === b.getDate()
}

export function dayKey(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS_ZH = ['星期日', '星期一', '星期二', '星期三', '星期四', '星期五', '星期六']
const DAYS_EN = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** A separator between days: 今天, 昨天, 星期三, 11月23日, 2025年11月23日. */
export function dayText(at: Date, now: Date, lang: Lang): string {
  if (sameDay(at, now)) return lang === 'zh' ? '今天' : 'Today'
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1)
  if (sameDay(at, yesterday)) return lang === 'zh' ? '昨天' : 'Yesterday'
  const weekAgo = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 6)
  if (at >= weekAgo && at < now) return (lang === 'zh' ? DAYS_ZH : DAYS_EN)[at.getDay()] ?? ''
  const thisYear = at.getFullYear() === now.getFullYear()
  if (lang === 'zh') return `${thisYear ? '' : `${at.getFullYear()}年`}${at.getMonth() + 1}月${at.getDate()}日`
  return `${MONTHS[at.getMonth()] ?? ''} ${at.getDate()}${thisYear ? '' : `, ${at.getFullYear()}`}`
}

/** A short time for a list: the clock today, otherwise the day. */
export function listTime(at: Date, now: Date, lang: Lang): string {
  return sameDay(at, now) ? clock(at) : dayText(at, now, lang)
}

/** A running time: 0:07, 3:41, 1:02:09. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}

/** What is left, coarse: 41 小时, 12 分钟, 40 秒. Never more precise than it is true. */
export function remaining(ms: number, lang: Lang): string {
  const zh = lang === 'zh'
  if (ms <= 0) return zh ? '已到期' : 'expired'
  if (ms < 60_000) return zh ? `${Math.ceil(ms / 1000)} 秒` : `${Math.ceil(ms / 1000)} s`
  if (ms < 3_600_000) return zh ? `${Math.floor(ms / 60_000)} 分钟` : `${Math.floor(ms / 60_000)} min`
  return zh ? `${Math.floor(ms / 3_600_000)} 小时` : `${Math.floor(ms / 3_600_000)} h`
}

/** An expected wait, as a bucket and never a falling countdown. */
export function waitBucket(seconds: number, lang: Lang): string {
  const zh = lang === 'zh'
  if (seconds < 60) return zh ? '不到 1 分钟' : 'less than a minute'
  const minutes = Math.ceil(seconds / 60)
  if (minutes <= 10) return zh ? `约 ${minutes} 分钟` : `about ${minutes} min`
  return zh ? '10 分钟以上' : 'more than 10 min'
}

export function fileSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0)} KB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}
