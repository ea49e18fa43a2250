import { describe, expect, it } from 'vitest'
import { chosen, lastAsked, rateable, thinking } from '../src/text/asking'
import { eventText } from '../src/text/events'
import { decisionText, handover } from '../src/text/robot'
import { Ratings } from '../src/widget/feedback'
import type { Envelope, Role } from '../src/wire/protocol'
import { MemoryStorage } from '../src/wire/store'
import { message } from './message'

const says = (seq: number, role: Role, over: Partial<Envelope> = {}) => message(seq, { from: { role, id: role }, session: 's1', ...over } as Partial<Envelope>)
const menu = (seq: number, ...labels: string[]) => says(seq, 'robot', { type: 'menu', body: { prompt: '您想问哪一个？', options: labels.map((label, at) => ({ key: String(at + 1), label })) } } as Partial<Envelope>)
const choice = (seq: number, key: string, label: string) => says(seq, 'contact', { type: 'choice', body: { key, label } } as Partial<Envelope>)
const event = (seq: number, name: string, data: unknown = {}) => says(seq, 'system', { type: 'event', body: { name, data }, fallback: `[${name}]` } as Partial<Envelope>)

describe('what a customer is asked', () => {
  it('can be rated where a robot has answered, not where it greeted or asked', () => {
    const log = [says(1, 'robot'), says(2, 'contact'), says(3, 'system'), says(4, 'robot'), says(5, 'contact'), menu(6, '年费', '额度')]
    expect([...rateable(log)]).toEqual([4])
  })

  it('is rated once for an answer of several texts: at its last', () => {
    expect([...rateable([says(1, 'contact'), says(2, 'robot'), says(3, 'robot'), says(4, 'contact')])]).toEqual([3])
    expect([...rateable([says(1, 'contact'), says(2, 'robot'), menu(3, '是')])]).toEqual([])
  })

  it('is no question of rating after a person or a form has spoken, or in another session', () => {
    expect([...rateable([says(1, 'contact'), says(2, 'agent'), says(3, 'robot')])]).toEqual([])
    expect([...rateable([says(1, 'contact'), says(2, 'flow'), says(3, 'robot')])]).toEqual([])
    expect([...rateable([says(1, 'contact', { session: 's0' }), says(2, 'robot')])]).toEqual([])
    expect([...rateable([says(1, 'contact'), event(2, 'session.robot_started'), says(3, 'robot'), says(4, 'agent')])]).toEqual([3])
  })

  it('is a menu for as long as the customer says nothing newer', () => {
    expect(lastAsked([says(1, 'contact'), menu(2, '年费'), event(3, 'x')])).toBe(1)
    expect(lastAsked([says(1, 'contact'), menu(2, '年费'), choice(3, '1', '年费')])).toBe(3)
    expect(lastAsked([menu(1, '年费')])).toBe(0)
  })

  it('shows what was chosen, of the nearest menu that has it', () => {
    const log = [menu(1, '年费', '额度'), choice(2, '2', '额度'), menu(3, '年费', '额度'), choice(4, '1', '年费'), choice(5, '9', '不在其中')]
    expect([...chosen(log)]).toEqual([[1, '2'], [3, '1']])
  })

  it('is being answered until somebody speaks, but not for ever', () => {
    const now = Date.parse('2026-11-23T00:00:05.000Z')
    expect(thinking([says(1, 'contact')], now)).toBe(true)
    expect(thinking([says(1, 'contact'), event(2, 'x')], now)).toBe(true)
    expect(thinking([says(1, 'contact'), says(2, 'robot')], now)).toBe(false)
    expect(thinking([says(1, 'contact')], now + 60_000)).toBe(false)
    expect(thinking([], now)).toBe(false)
  })
})

describe('a rating', () => {
  it('is given once, and known after a reload', () => {
    const storage = new MemoryStorage()
    const ratings = new Ratings(storage, 'demo.site')
    ratings.give('c1', 4, true)
    ratings.give('c1', 6, false)
    const again = new Ratings(storage, 'demo.site')
    expect([again.of('c1', 4), again.of('c1', 6), again.of('c2', 4)]).toEqual([true, false, undefined])
    again.take('c1', 4)
    expect(new Ratings(storage, 'demo.site').of('c1', 4)).toBeUndefined()
  })

  it('survives what else is in the storage', () => {
    const storage = new MemoryStorage()
    for (const text of ['{', '{}', '[1,["a"],["c1:2",true]]']) {
      storage.set('yz.ratings.x', text)
      expect(new Ratings(storage, 'x').of('c1', 2)).toBe(text.startsWith('[') ? true : undefined)
    }
  })
})

describe('the words for machines', () => {
  const line = (name: string, data: unknown, lang: 'zh' | 'en' = 'zh') => eventText(event(1, name, data), lang)

  it('tell how a robot came and went', () => {
    expect(line('session.robot_started', { adapter: 'faq', epoch: 2 })).toBe('机器人开始接待')
    expect(line('session.robot_ended', { turns: 3, outcome: 'asked' })).toBe('机器人结束接待 · 客户要求 · 共 3 轮问答')
    expect(line('session.robot_ended', { turns: 1, outcome: 'taken_over' }, 'en')).toBe('The robot has stopped · taken over by an agent · 1 question')
    expect(line('session.handoff_requested', { reason: 'missed', missed: 2, summary: '挂失' })).toBe('机器人请求转人工 · 多次未能回答 · 未答 2 次 · 挂失')
    expect(line('session.handoff_requested', { reason: 'brand_new', missed: 0, queue: null, summary: null }, 'en')).toBe('The robot asks for an agent · brand_new')
  })

  it('tell of forms and ratings', () => {
    expect(line('flow.started', { flow: '预约' })).toBe('流程「预约」开始')
    expect(line('flow.ended', { flow: '预约', version: 1, outcome: 'completed' })).toBe('流程「预约」完成')
    expect(line('flow.ended', { flow: '预约', version: 1, outcome: 'expired' })).toBe('流程「预约」结束 · 超时')
    expect(line('flow.ended', { flow: 'booking', outcome: 'brand_new' }, 'en')).toBe('Form “booking” is over · brand_new')
    expect(line('session.rated', { score: 5, words: '很耐心' })).toBe('客户评价 5 分 · 很耐心')
    expect(line('session.rated', { score: 3, words: null }, 'en')).toBe('Rated by the customer: 3')
  })

  it('tell a decision, and an unknown one by its name', () => {
    expect([decisionText('clarify', 'zh'), decisionText('handoff', 'en'), decisionText('brand_new', 'zh')]).toEqual(['请客户选择', 'Handed over', 'brand_new'])
  })

  it('take a note to the agent apart and lose nothing of it', () => {
    expect(handover('机器人转人工：客户要求\n未解决的问题：年费\n· 年费多少 → answer（信用卡年费是多少？ 0.93）\n· 转 → 哪里 → fallback')).toEqual([
      { kind: 'words', text: '机器人转人工：客户要求' },
      { kind: 'words', text: '未解决的问题：年费' },
      { kind: 'turn', query: '年费多少', decision: 'answer', near: '信用卡年费是多少？', p: 0.93 },
      { kind: 'turn', query: '转 → 哪里', decision: 'fallback' },
    ])
    expect(handover('· 一句平常的话')).toEqual([{ kind: 'words', text: '· 一句平常的话' }])
  })
})
