import { describe, expect, it } from 'vitest'
import { half } from '../src/text/codes'
import { agentStanding, linkStanding, troubles } from '../src/text/xmpp'
import type { XmppAccount, XmppAgent } from '../src/wire/xmpp'

const agent = (over: Partial<XmppAgent> = {}): XmppAgent => ({ agent: 'li', jid: 'li@example.com', asked_by: 'service@desk.example.com', subscription: 'granted', ...over })
const account = (over: Partial<XmppAccount> = {}): XmppAccount => ({
  account: 'desk', domain: 'desk.example.com', server: '127.0.0.1:5347', customers: true, link: { state: 'up' }, agents: [], ...over,
})
/** Every code that the gateway may give (`channel/xmpp/error.rs`, and `stopped`). */
const CODES = ['unreachable', 'silent', 'not_authorized', 'host_unknown', 'conflict', 'stream_error', 'bad_input', 'broken', 'closed', 'dead', 'stopped']

describe('the link of an XMPP account', () => {
  it('that is up needs no words, and one that nobody has tried is not down', () => {
    expect(linkStanding({ state: 'up' }, 'zh')).toEqual({ tone: 'good', text: '已连接' })
    expect(linkStanding({ state: 'unknown', code: null, reason: null }, 'en')).toEqual({ tone: 'plain', text: 'Not connected yet' })
  })

  it('that is down says why in one language, for every code', () => {
    for (const code of CODES) {
      const zh = linkStanding({ state: 'down', code, reason: '原因 / a reason' }, 'zh')
      const en = linkStanding({ state: 'down', code, reason: '原因 / a reason' }, 'en')
      expect(zh.tone).toBe('seal')
      expect(zh.hint, code).toMatch(/\p{Script=Han}/u)
      expect(en.hint, code).not.toMatch(/\p{Script=Han}/u)
    }
  })

  it('tells the server’s own words where we have none', () => {
    expect(linkStanding({ state: 'down', code: 'brand_new', reason: '新情况 / something new' }, 'en').hint).toBe('something new')
    expect(linkStanding({ state: 'down', code: 'stream_error', reason: '服务器中止了连接：system-shutdown / stream error of the server' }, 'zh').hint).toBe('服务器中止了连接：system-shutdown')
    expect(linkStanding({ state: 'down' }, 'zh')).toEqual({ tone: 'seal', text: '未连接' })
  })
})

describe('an agent on XMPP', () => {
  it('shows the presence once it may be seen', () => {
    expect(agentStanding(agent({ shown: 'dnd' }), 'zh')).toEqual({ tone: 'good', text: '请勿打扰' })
    expect(agentStanding(agent(), 'en')).toEqual({ tone: 'plain', text: 'Offline' })
    expect(agentStanding(agent({ shown: 'dancing' }), 'en').text).toBe('dancing')
  })

  it('is told what is left to do, by whose request', () => {
    expect(agentStanding(agent({ subscription: 'asked' }), 'en')).toEqual({ tone: 'warn', text: 'Waits for approval', hint: 'The agent has to approve the contact request of service@desk.example.com once' })
    expect(agentStanding(agent({ subscription: 'denied', asked_by: null }), 'zh').hint).toBe('请坐席把 队列地址 加为联系人')
    expect(agentStanding(agent({ subscription: 'invalid' }), 'zh').tone).toBe('seal')
    expect(agentStanding(agent({ subscription: 'newer', hint: '做这个 / do this' }), 'en')).toEqual({ tone: 'plain', text: 'newer', hint: 'do this' })
  })
})

describe('what waits for somebody', () => {
  it('is counted: links that are down, agents who are not to be seen', () => {
    expect(troubles([])).toBe(0)
    expect(troubles([account({ agents: [agent(), agent({ subscription: 'unasked' })] })])).toBe(0)
    expect(troubles([account({ link: { state: 'down', code: 'dead' }, agents: [agent({ subscription: 'asked' }), agent({ subscription: 'invalid' })] }), account()])).toBe(3)
  })

  it('is told in the half that was asked for', () => {
    expect(half('一 / one', 'zh')).toBe('一')
    expect(half('一 / one', 'en')).toBe('one')
    expect(half('only', 'zh')).toBe('only')
  })
})
