import { describe, expect, it } from 'vitest'
import { en, zh } from '../src/console/texts'
import { codeText } from '../src/text/codes'
import { eventText } from '../src/text/events'
import { fill } from '../src/text/i18n'
import { scalars, sends } from '../src/text/ime'
import { linkify, safeHref } from '../src/text/linkify'
import { cleanName, contactName, hue, initials } from '../src/text/names'
import { layout } from '../src/text/thread'
import { dayText, fileSize, listTime, remaining, stopwatch, waitBucket } from '../src/text/time'
import { PICKER, wechatEmoji } from '../src/text/wxemoji'
import { fold } from '../src/wire/log'
import type { Envelope } from '../src/wire/protocol'
import { backoffMs } from '../src/wire/backoff'
import { socketUrl } from '../src/wire/http'
import { newer } from '../src/wire/session'
import { message } from './message'

describe('links', () => {
  const hrefs = (text: string) => linkify(text).flatMap((piece) => (piece.kind === 'link' ? [piece.href] : []))

  it('finds web addresses, mail and telephone, and nothing else', () => {
    expect(hrefs('见 https://bank.example/a?b=1 或 http://x.cn。')).toEqual(['https://bank.example/a?b=1', 'http://x.cn/'])
    expect(hrefs('mailto:a@b.cn tel:+86-10-12345')).toEqual(['mailto:a@b.cn', 'tel:+86-10-12345'])
    expect(hrefs('ftp://x javascript:alert(1) data:text/html,x www.example.com')).toEqual([])
  })

  it.each(['javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', '\u0001javascript:alert(1)', 'java\tscript:alert(1)', 'data:text/html,<script>', 'vbscript:x', 'file:///etc/passwd', 'blob:http://a/b', 'https://', 'https://a\u202egpj.exe'])('refuses %j', (address) => {
    expect(safeHref(address)).toBeUndefined()
  })

  it('leaves the punctuation of the sentence outside', () => {
    expect(linkify('(see https://a.cn/x).')).toEqual([{ kind: 'text', text: '(see ' }, { kind: 'link', text: 'https://a.cn/x', href: 'https://a.cn/x' }, { kind: 'text', text: ').' }])
    expect(hrefs('https://a.cn/w_(x)')).toEqual(['https://a.cn/w_(x)'])
    expect(hrefs('访问https://a.cn/x，谢谢')).toEqual(['https://a.cn/x'])
  })

  it('loses no character, whatever it is', () => {
    for (const text of ['<a href="https://a.cn/">x</a>', 'https://https://', 'a\u0000b https://a.cn\u202e', 'mailto:', ''])
      expect(linkify(text).map((piece) => piece.text).join('')).toBe(text)
  })
})

describe('the Enter key', () => {
  it('sends, with Shift it does not', () => {
    expect(sends({ key: 'Enter' }, false, Infinity)).toBe(true)
    expect(sends({ key: 'Enter', shiftKey: true }, false, Infinity)).toBe(false)
    expect(sends({ key: 'Enter', ctrlKey: true }, false, Infinity)).toBe(true)
    expect(sends({ key: 'a' }, false, Infinity)).toBe(false)
  })

  it('belongs to the input method while that composes, however the browser says so', () => {
    expect(sends({ key: 'Enter', isComposing: true }, false, Infinity)).toBe(false)
    expect(sends({ key: 'Enter', keyCode: 229 }, false, Infinity)).toBe(false)
    expect(sends({ key: 'Enter' }, true, Infinity)).toBe(false)
    // Safari: compositionend first, then the keydown of the confirming Enter.
    expect(sends({ key: 'Enter' }, false, 5)).toBe(false)
    expect(sends({ key: 'Enter', ctrlKey: true, isComposing: true }, false, Infinity)).toBe(false)
  })

  it('counts characters as the server does', () => {
    expect(scalars('a你😀')).toBe(3)
    expect(scalars('')).toBe(0)
  })
})

describe('names', () => {
  it('fall back to the id when they show nothing', () => {
    for (const name of ['', '   ', '\u200b\u200d\ufeff', '\u202e', '\u3164\u2800', '\u0301\u0302']) expect(contactName(name, 'ct_12345678', '访客')).toBe('访客 345678')
    expect(contactName('陈静 🌸', 'x', '访客')).toBe('陈静 🌸')
    expect(contactName(undefined, 'abcdefgh', 'Visitor')).toBe('Visitor cdefgh')
  })

  it('lose direction marks, piled accents and excess length', () => {
    expect(cleanName('abc\u202egpj')).toBe('abcgpj')
    expect(cleanName(`Z${'\u0301'.repeat(500)}!`)).toBe('Z\u0301\u0301!')
    expect(cleanName('长'.repeat(100))).toBe(`${'长'.repeat(40)}…`)
    expect(cleanName('👨‍👩‍👧 家')).toBe('👨‍👩‍👧 家')
  })

  it('give stable faces', () => {
    expect(initials('欧阳晓明')).toBe('晓明')
    expect(initials('Ada Lovelace')).toBe('AL')
    expect(initials('微信客户 5S1M')).toBe('1M')
    expect(initials('<b>')).toBe('<B')
    expect(hue('ct_1', 8)).toBe(hue('ct_1', 8))
  })
})

describe('times', () => {
  const now = new Date(2026, 10, 23, 12, 0)

  it('name days as people do', () => {
    expect(dayText(new Date(2026, 10, 23, 1), now, 'zh')).toBe('今天')
    expect(dayText(new Date(2026, 10, 22, 23), now, 'zh')).toBe('昨天')
    expect(dayText(new Date(2026, 10, 19), now, 'zh')).toBe('星期四')
    expect(dayText(new Date(2026, 9, 1), now, 'zh')).toBe('10月1日')
    expect(dayText(new Date(2025, 9, 1), now, 'en')).toBe('Oct 1, 2025')
    expect(listTime(new Date(2026, 10, 23, 9, 5), now, 'zh')).toBe('09:05')
  })

  it('run and run out', () => {
    expect(stopwatch(7_000)).toBe('0:07')
    expect(stopwatch(3_729_000)).toBe('1:02:09')
    expect(remaining(41.9 * 3_600_000, 'zh')).toBe('41 小时')
    expect(remaining(0, 'zh')).toBe('已到期')
    expect(remaining(12 * 60_000, 'en')).toBe('12 min')
    expect(waitBucket(90, 'zh')).toBe('约 2 分钟')
    expect(waitBucket(3600, 'en')).toBe('more than 10 min')
    expect(fileSize(2560)).toBe('2.5 KB')
  })
})

describe('a thread', () => {
  const at = (minutes: number) => new Date(2026, 10, 23, 0, minutes).toISOString()

  it('has a line per day and groups what follows closely', () => {
    const rows = layout(fold([message(1, { ts: new Date(2026, 10, 22, 23, 59).toISOString() }), message(2, { ts: at(0) }), message(3, { ts: at(1) }), message(4, { ts: at(9) })]), [], 'li')
    expect(rows.map((row) => row.kind)).toEqual(['day', 'bubble', 'day', 'bubble', 'bubble', 'bubble'])
    expect(rows.flatMap((row) => (row.kind === 'bubble' ? [[row.first, row.last]] : []))).toEqual([[true, true], [true, false], [false, true], [true, true]])
  })

  it('keeps the place of a message from writing to acceptance', () => {
    const unsent = layout([], [{ request: { conv: 'c1', cid: 'k', type: 'text', body: {} }, at: Date.now(), state: 'sending' }], 'li')
    const accepted = layout(fold([message(1, { cid: 'k', from: { role: 'agent', id: 'li' } })]), [], 'li')
    expect(unsent.at(-1)?.key).toBe(accepted.at(-1)?.key)
  })
})

describe('words', () => {
  const event = (name: string, data?: unknown) => eventText({ ...message(1), type: 'event', body: { name, data }, fallback: `[${name}]` } as Envelope, 'zh')

  it('say what an event means, and show an unknown one by name', () => {
    expect(event('session.connected', { agent_name: '小李' })).toBe('客服 小李 已接入')
    expect(event('wechat.scanned', { scene: 'branch-1' })).toBe('客户扫描了二维码 · branch-1')
    expect(event('wechat.menu_clicked', { name: 'menu_clicked', data: { key: 'agent' } })).toBe('客户点击菜单 · agent')
    expect(eventText({ ...message(1), type: 'event', body: { name: 'transfer.requested', data: { from: 'li', agent: 'wang' } } } as Envelope, 'zh', (id) => (id === 'li' ? '小李' : id))).toBe('小李 发起转接')
    expect(event('session.ended', { reason: 'idle' })).toBe('会话结束 · 长时间无消息')
    expect(event('brand.new')).toBe('brand.new')
  })

  it('say what a refusal means and what to do', () => {
    expect(codeText('45015', 'zh')).toContain('等客户再次发言')
    expect(codeText('wechat_45015', 'zh')).toContain('等客户再次发言')
    expect(codeText('no_such', 'zh')).toBe('未能送达（no_such）')
    expect(codeText(undefined, 'en')).toBe('Not delivered')
  })

  it('exist in both languages with the same blanks', () => {
    const blanks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) {
      expect(en[key], key).not.toBe('')
      expect(blanks(en[key]), key).toEqual(blanks(zh[key]))
    }
    expect(fill('剩余 {left} 条 / {time}', { left: 3, time: '41 小时' })).toBe('剩余 3 条 / 41 小时')
  })

  it('show the little faces of WeChat', () => {
    expect(wechatEmoji('你好[微笑][不存在]/::)')).toBe('你好🙂[不存在]🙂')
    expect(wechatEmoji('https://a.cn')).toBe('https://a.cn')
    expect(new Set(PICKER).size).toBe(PICKER.length)
    expect(PICKER.length).toBeGreaterThan(40)
  })
})

describe('small rules', () => {
  it('waits 1, 2, 4, 8, 15 s at the most and half of that at the least', () => {
    expect([0, 1, 2, 3, 4, 50].map((n) => backoffMs(n, 1))).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000])
    expect(backoffMs(0, 0)).toBe(500)
  })

  it('takes the newer snapshot of a session', () => {
    const one = { session: 's1', conv: 'c1', v: 3, state: 'active' as const, control: { holder: 'agent' as const }, control_epoch: 2, started_at: '2026-11-23T00:00:00Z' }
    expect(newer(one, { ...one, v: 2 })).toBe(false)
    expect(newer(one, { ...one, v: 4 })).toBe(true)
    expect(newer(one, { ...one, session: 's2', v: 1, started_at: '2026-11-23T01:00:00Z' })).toBe(true)
    expect(newer(one, { ...one, session: 's0', v: 9, started_at: '2026-11-22T01:00:00Z' })).toBe(false)
    expect(newer(one, undefined)).toBe(false)
  })

  it('speaks to the socket beside the page', () => {
    expect(socketUrl('/ws/agent', { protocol: 'https:', host: 'a.cn' })).toBe('wss://a.cn/ws/agent')
    expect(socketUrl('/ws/agent', { protocol: 'http:', host: '127.0.0.1:8080' })).toBe('ws://127.0.0.1:8080/ws/agent')
  })
})
