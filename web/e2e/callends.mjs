// The ways in which a call comes to nothing, and the ways in which it ends.
import { agreed, atOnce, cleared, devices, endBoth, flowsBoth, hangUp, line, over, talk, talking, together } from './calling.mjs'
import { acceptOffer, check, id, openPage, until } from './stage.mjs'

export const title = 'declined, cancelled, unanswered, busy, answered elsewhere, hung up by both, ended with the session'
export const media = true

export async function run(stage) {
  const pair = await together(stage)
  const { agent, guest } = pair
  const name = await agent.locator(id('thread-name')).innerText()
  const first = agent.locator(id('talk')).filter({ hasText: name })
  const other = await openPage(stage, 'another site', { path: `/widget/?account=${stage.account}&lang=zh`, width: 440, height: 700 })
  await other.page.locator(id('human')).click()
  await acceptOffer(pair.desk)
  await first.click()
  await until('the first conversation', async () => (await agent.locator(id('thread-name')).innerText()) === name)
  const rings = guest.locator(id('ring'))

  // 40: the customer declines; nobody is torn from what they write, and the keyboard does it all.
  await guest.locator(id('widget-text')).fill('正在写')
  await guest.locator(id('widget-text')).focus()
  await agent.click(id('call-audio'))
  await rings.waitFor()
  await agent.locator(id('call-status')).filter({ hasText: '已响铃' }).waitFor()
  check(await guest.locator(id('widget-text')).evaluate((field) => document.activeElement === field), 'the ring took the focus from somebody who writes')
  await guest.locator(id('widget-text')).fill('')
  await guest.locator(id('ring-decline')).focus()
  await guest.locator(id('ring-decline')).press('Enter')
  await agent.locator(`${id('call-over')}[data-reason="declined"]`).waitFor()
  await line(pair, '未接通')

  // The agent thinks better of it.
  await agent.click(id('call-audio'))
  await rings.waitFor()
  await agent.keyboard.press('Alt+h')
  await rings.waitFor({ state: 'detached' })
  await agent.locator(`${id('call-over')}[data-reason="cancelled"]`).waitFor()

  await cleared(pair)
  await tooLate(pair)

  // The customer calls, the agent answers by the keyboard; then both hang up at once.
  await guest.locator(id('call-audio')).click()
  await agent.locator(id('ring')).waitFor()
  if (process.env.E2E_SHOTS) await agent.screenshot({ path: `${process.env.E2E_SHOTS}/call-ring.png` })
  await agent.keyboard.press('Alt+c')
  await talking(pair)
  await flowsBoth(pair, { video: false })
  if (process.env.E2E_SHOTS) await agent.screenshot({ path: `${process.env.E2E_SHOTS}/call-audio.png` })
  await atOnce(pair, 'call-hangup')
  const reason = await agreed(pair)
  check(/^hangup_(agent|contact)$/.test(reason), `both hung up, and it ended by ${reason}`)
  await line(pair, reason === 'hangup_agent' ? '客服已挂断' : '客户已挂断')
  await cleared(pair)

  // The other tab of the customer rings too, and stops when this one answers.
  const context = pair.site.context
  const second = await context.newPage()
  await second.goto(pair.site.page.url())
  await second.locator(id('call-audio')).waitFor()
  await agent.click(id('call-audio'))
  await second.locator(id('ring')).waitFor()
  await guest.locator(id('ring-accept')).click()
  await second.locator(id('ring')).waitFor({ state: 'detached' })
  await talking(pair)
  await flowsBoth(pair, { video: false })
  await second.close()

  // Busy: another customer cannot call an agent who talks.
  await other.page.locator(id('call-audio')).click()
  await other.page.locator(`${id('call-refusal')}[data-code="call_busy"]`).waitFor()
  await other.page.locator(id('end')).click()
  await other.page.locator(id('confirm-end')).click()
  await other.context.close()

  // 47: the session ends in the middle of the call, in which both hear each other until then.
  await flowsBoth(pair, { video: false })
  await agent.click(id('end'))
  await agent.click(id('confirm-end'))
  await over(pair, 'session_ended')
  await agent.click(id('wrapup-done'))
  await agent.waitForSelector(id('wrapup'), { state: 'detached' })
  await agent.locator(id('talk')).first().click()
  await agent.click(id('wrapup-done'))
  await agent.waitForSelector(id('wrapup'), { state: 'detached' })
  await until('the microphone to be let go', () => guest.evaluate(() => window.__pcs.every((pc) => pc.connectionState === 'closed')))
  await pair.close()

  await unanswered(stage)
}

const LATE_MS = 1500

/** The agent thinks better of it, and the customer has answered before the gateway hears of that: nobody is left in a call, and no camera opens again. */
async function tooLate(pair) {
  const { agent, guest } = pair
  await agent.click(id('call-video'))
  await guest.locator(id('ring')).waitFor()
  await agent.locator(`${id('call')}[data-phase="calling"]`).waitFor()
  await agent.evaluate((ms) => (window.__late = { op: 'call.cancel', ms }), LATE_MS)
  const { opened } = await devices(agent)
  await agent.keyboard.press('Alt+h')
  const began = Date.now()
  await guest.locator(id('ring-accept')).click()
  check((await agreed(pair)) === 'hangup_agent', 'a call that was cancelled too late did not end by the agent')
  check(Date.now() - began < LATE_MS + 5000, `the customer waited ${Date.now() - began} ms for somebody who had gone`)
  check((await devices(agent)).opened === opened, 'a device was opened for a call that had been left')
  await until('all devices to be let go', async () => (await devices(agent)).live + (await devices(guest)).live === 0)
  await agent.evaluate(() => (window.__late = undefined))
  await cleared(pair)
}

/** Nobody answers: the gateway ends it by the wall clock. */
async function unanswered(stage) {
  const pair = await together(stage)
  await talk(pair, false)
  await hangUp(pair)
  await pair.agent.click(id('call-audio'))
  await pair.guest.locator(id('ring')).waitFor()
  await pair.agent.locator(`${id('call-over')}[data-reason="no_answer"]`).waitFor({ timeout: 45_000 })
  await pair.guest.locator(id('ring')).waitFor({ state: 'detached' })
  await endBoth(pair)
  await pair.close()
}
