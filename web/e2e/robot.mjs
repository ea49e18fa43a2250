// The robot: it answers a visitor, asks which question is meant, hands over; agents see how it came to that, use its words, give it back, take over.
import { acceptOffer, agentSays, bubble, check, endTalk, id, openDesk, openPage, unique, until } from './stage.mjs'

export const title = 'a robot answers, asks, hands over, helps, gets back and is taken over from'
export const machines = true

// Words that the demo's question base (tenants/demo.faq.csv) answers, knows several questions for, and does not know.
const PLAIN = process.env.E2E_ROBOT_PLAIN ?? '信用卡年费如何减免？'
const VAGUE = process.env.E2E_ROBOT_VAGUE ?? '信用卡账单'

export async function run(stage) {
  const desk = await openDesk(stage)
  const visitor = await openWidget(stage)
  const { messages } = visitor

  // A question, an answer, and whether it helped: asked once, never under a greeting, and remembered.
  check((await visitor.frame.locator(id('feedback')).count()) === 0, 'a greeting can be rated')
  await says(visitor, PLAIN)
  const answer = messages.and(visitor.page.locator('[data-role="robot"][data-type="text"]')).last()
  await answer.waitFor()
  await visitor.page.locator(id('growing')).waitFor({ state: 'detached' })
  const rating = answer.locator(id('helpful'))
  await rating.focus()
  await visitor.page.keyboard.press('Enter')
  await answer.locator(`${id('feedback-given')}[data-helpful="true"]`).waitFor()
  check((await answer.locator(id('helpful')).count()) === 0, 'the answer can be rated twice')
  const answered = (await answer.locator('.bubble').innerText()).trim()

  // Several questions may be meant: a list, one tap, and the list is closed.
  await says(visitor, VAGUE)
  const menu = messages.and(visitor.page.locator('[data-role="robot"][data-type="menu"]')).last()
  await menu.locator(id('choice')).first().waitFor()
  // Another question than the one before: the same answer again would be a reason to hand over.
  const option = menu.locator(id('choice')).filter({ hasNotText: PLAIN.slice(0, -1) }).first()
  check(await option.isEnabled(), 'the list cannot be chosen from')
  const label = (await option.innerText()).trim()
  await option.click()
  await messages.and(visitor.page.locator('[data-role="contact"][data-type="choice"]')).filter({ hasText: label }).waitFor()
  await until('the list to be closed, with what was chosen', async () => (await option.isDisabled()) && (await option.getAttribute('aria-pressed')) === 'true')
  check((await menu.locator(`${id('choice')}:not([disabled])`).count()) === 0, 'an old list can still be chosen from')
  await until('the answer to the choice', async () => (await visitor.frame.locator(`${id('feedback')}`).count()) === 1)
  if (process.env.E2E_SHOTS) await visitor.page.screenshot({ path: `${process.env.E2E_SHOTS}/robot-widget.png` })

  // A person: the agent reads what the robot made of it, in the log and in the trace.
  await visitor.frame.locator(id('human')).click()
  await acceptOffer(desk)
  await desk.page.locator(`${id('message')}[data-role="robot"].note`).locator(id('handover')).filter({ hasText: /机器人|robot/ }).waitFor()
  await desk.page.locator(id('event')).filter({ hasText: '机器人请求转人工' }).waitFor()
  await desk.page.click(id('trace'))
  const turns = desk.page.locator(`${id('trace-panel')} ${id('turn')}`)
  await until('the turns of the robot', async () => (await turns.count()) >= 3)
  check((await turns.first().locator(id('hit')).count()) > 0, 'the trace shows no question of the base')
  await turns.first().locator(id('turn-feedback')).waitFor()
  check(/直接回答/.test(await turns.first().locator(id('decision')).innerText()), 'the first question was not answered directly')

  await helped(stage, desk, visitor, answered)
  await back(stage, desk, visitor)
  await takenOver(stage, desk, visitor)
  await visitor.context.close()
  await enough(stage)
  await desk.context.close()
}

/** What the robot would have said goes into the draft, beside what is there, and nothing is sent. */
async function helped(stage, desk, visitor, answered) {
  await desk.page.fill(id('composer'), '您好，')
  await says(visitor, PLAIN)
  await desk.page.locator(id('suggestion')).first().waitFor()
  if (process.env.E2E_SHOTS) await desk.page.screenshot({ path: `${process.env.E2E_SHOTS}/robot-desk.png` })
  const before = await desk.page.locator(`${id('log')} ${id('message')}[data-role="agent"]`).count()
  await desk.page.locator(id('composer')).focus()
  await desk.page.keyboard.press('Alt+1')
  await until('the draft to have both', async () => {
    const draft = await desk.page.inputValue(id('composer'))
    return draft.startsWith('您好，') && draft.length > '您好，'.length && answered.startsWith(draft.slice('您好，'.length).split('\n')[0].slice(0, 10))
  })
  check((await desk.page.locator(`${id('log')} ${id('message')}[data-role="agent"]`).count()) === before, 'the suggestion was sent')
  await desk.page.press(id('composer'), 'Enter')
  await visitor.messages.and(visitor.page.locator('[data-role="agent"]')).last().waitFor()
  await desk.page.locator(id('suggestions')).waitFor({ state: 'detached' })

  await says(visitor, PLAIN)
  await desk.page.locator(id('suggest-dismiss')).click()
  await desk.page.locator(id('suggestions')).waitFor({ state: 'detached' })
  await agentSays(desk, unique(stage, '还有什么可以帮您'))
}

/** Given back, the robot goes on where the agent stopped; the list of what it answers has the visitor again. */
async function back(stage, desk, visitor) {
  await desk.page.click(id('robot-back'))
  await desk.page.click(id('confirm-robot-back'))
  await desk.page.click(id('wrapup-done'))
  await desk.page.waitForSelector(id('wrapup'), { state: 'detached' })
  const rated = await visitor.frame.locator(`${id('feedback')}, ${id('feedback-given')}`).count()
  await says(visitor, PLAIN)
  await until('an answer of the robot', async () => (await visitor.frame.locator(`${id('feedback')}, ${id('feedback-given')}`).count()) > rated)
}

/** A second visitor is with the robot; the agent looks at the trace, then takes over from the list, by keys alone. */
async function takenOver(stage, desk, first) {
  const items = desk.page.locator(id('robot-item'))
  await desk.page.click(id('tab-robots'))
  await until('the first visitor in the list of the robot', async () => (await items.count()) > 0)
  const others = await items.evaluateAll((all) => all.map((one) => one.dataset.conv))
  const visitor = await openWidget(stage)
  const question = unique(stage, PLAIN)
  await says(visitor, question)
  const conv = await until('the second visitor in the list of the robot', async () => (await items.evaluateAll((all) => all.map((one) => one.dataset.conv))).find((one) => !others.includes(one)))
  const item = desk.page.locator(`${id('robot-item')}[data-conv="${conv}"]`)
  check(/机器人/.test(await item.locator(id('robot-holder')).innerText()), 'the list does not say who answers')
  await item.locator(id('robot-peek')).focus()
  await desk.page.keyboard.press('Enter')
  await desk.page.locator(`${id('trace-panel')} ${id('turn')}`).first().waitFor()
  if (process.env.E2E_SHOTS) await desk.page.screenshot({ path: `${process.env.E2E_SHOTS}/robot-list.png` })
  await desk.page.locator(id('trace-close')).focus()
  await desk.page.keyboard.press('Enter')
  await item.locator(id('take-over')).focus()
  await desk.page.keyboard.press('Enter')
  await desk.page.waitForSelector(`${id('composer')}:not([disabled])`)
  await bubble(desk, question).first().waitFor()
  const hello = unique(stage, '我来接手')
  await agentSays(desk, hello)
  await visitor.messages.filter({ hasText: hello }).waitFor()

  // A look at the list and at somebody else's trace costs no draft.
  const draft = '请稍等，我查一下'
  await desk.page.fill(id('composer'), draft)
  await desk.page.click(id('tab-robots'))
  await items.first().locator(id('robot-peek')).click()
  await desk.page.locator(`${id('trace-panel')} ${id('turn')}`).first().waitFor()
  await desk.page.click(id('trace-close'))
  await until('the draft to be kept', async () => (await desk.page.inputValue(id('composer'))) === draft)
  await says(first, '再见')
  await until('the list without the visitor who has gone', async () => (await items.count()) === 0)
  await desk.page.click('#tab-talks')
  await desk.page.fill(id('composer'), '')

  // After the end what the visitor thought of it is asked as any list is, where the tenant wants to know.
  await endTalk(desk)
  await visitor.frame.locator(id('again')).waitFor()
  const survey = visitor.messages.and(visitor.page.locator('[data-role="flow"][data-type="menu"]')).last()
  if (await survey.count()) {
    await survey.locator(id('choice')).first().click()
    await until('the survey to be closed', async () => (await survey.locator(`${id('choice')}:not([disabled])`).count()) === 0)
  }
  await visitor.context.close()
}

/** A visitor for whom the robot is enough: an answer, their own end, and what they thought of it. */
async function enough(stage) {
  const visitor = await openWidget(stage)
  check((await visitor.frame.locator(id('end')).count()) === 0, 'who has asked nothing can end it')
  await says(visitor, unique(stage, PLAIN))
  await visitor.frame.locator(id('helpful')).click()
  await visitor.frame.locator(id('end')).click()
  if (process.env.E2E_SHOTS) await visitor.page.screenshot({ path: `${process.env.E2E_SHOTS}/robot-enough.png` })
  await visitor.frame.locator(id('confirm-end')).click()
  await visitor.frame.locator(id('again')).waitFor()
  const survey = visitor.messages.and(visitor.page.locator('[data-role="flow"][data-type="menu"]')).last()
  await survey.locator(id('choice')).first().focus()
  await visitor.page.keyboard.press('Enter')
  await visitor.messages.filter({ hasText: '感谢您的评价' }).waitFor()
  check((await survey.locator(`${id('choice')}:not([disabled])`).count()) === 0, 'it can be rated twice')
  await visitor.context.close()
}

async function openWidget(stage) {
  const visitor = await openPage(stage, 'visitor', { path: `/widget/?account=${stage.account}`, width: 480, height: 800 })
  await visitor.page.locator(id('widget-text')).waitFor()
  return Object.assign(visitor, { frame: visitor.page, messages: visitor.page.locator(id('widget-message')) })
}

async function says({ page, messages }, text) {
  const before = await messages.and(page.locator('[data-role="contact"]')).filter({ hasText: text }).count()
  await page.locator(id('widget-text')).fill(text)
  await page.locator(id('widget-text')).press('Enter')
  await until('the words to be in the log', async () => (await messages.and(page.locator('[data-role="contact"]')).filter({ hasText: text }).count()) > before)
}
