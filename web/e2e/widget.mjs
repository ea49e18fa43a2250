// A visitor of a site and an agent talk through the embedded widget.
import { acceptOffer, agentSays, bubble, check, endTalk, id, openDesk, openPage, picture, shown, unique, until } from './stage.mjs'

export const title = 'a visitor of a site and an agent talk through the widget'

export async function run(stage) {
  const desk = await openDesk(stage)
  const site = await openPage(stage, 'site', { path: '/site/', width: 1200, height: 800 })
  const globals = await site.page.evaluate(() => Object.keys(window).filter((key) => /yizhan|widget/i.test(key)))
  check(globals.length === 0, `the loader leaves globals: ${globals}`)
  const frame = site.page.frameLocator('iframe')
  await frame.locator(id('launch')).click()
  const messages = frame.locator(id('widget-message'))
  await frame.locator(id('widget-text')).waitFor()

  // Who asks for a person is asked no more whether they want one.
  await frame.locator(id('human')).click()
  await frame.locator(id('human')).waitFor({ state: 'detached' })
  const question = unique(stage, '请问个人贷款怎么申请')
  await say(frame, question)
  await messages.filter({ hasText: question }).waitFor()
  await acceptOffer(desk)
  await bubble(desk, question).waitFor()

  const answer = unique(stage, '您好，可以在线申请 https://bank.example/loan')
  await agentSays(desk, answer)
  await messages.filter({ hasText: answer }).waitFor()
  check((await messages.filter({ hasText: answer }).locator('a').getAttribute('href')) === 'https://bank.example/loan', 'the link is not a link')
  check((await messages.filter({ hasText: answer }).locator('a').getAttribute('rel')).includes('noopener'), 'the link lacks rel=noopener')
  await desk.page.locator(id('message')).filter({ hasText: answer }).filter({ hasText: '已读' }).waitFor()

  const wrong = unique(stage, '写错的一句')
  await agentSays(desk, wrong)
  await messages.filter({ hasText: wrong }).waitFor()
  await bubble(desk, wrong).hover()
  await bubble(desk, wrong).locator(id('edit')).click()
  const right = unique(stage, '改好的一句')
  await desk.page.fill(id('composer'), right)
  await desk.page.press(id('composer'), 'Enter')
  await bubble(desk, right).filter({ hasText: '已编辑' }).waitFor()
  await messages.filter({ hasText: right }).waitFor()
  check((await bubble(desk, wrong).count()) === 0, 'the old text still shows')
  const taken = unique(stage, '要撤回的一句')
  await agentSays(desk, taken)
  await messages.filter({ hasText: taken }).waitFor()
  await bubble(desk, taken).hover()
  await bubble(desk, taken).locator(id('recall')).click()
  await bubble(desk, taken).first().waitFor({ state: 'detached' })
  await messages.filter({ hasText: taken }).waitFor({ state: 'detached' })

  await desk.page.locator(id('composer')).pressSequentially('稍等')
  await frame.locator('.dots').waitFor()
  await desk.page.fill(id('composer'), '')
  await frame.locator(id('widget-file')).setInputFiles(await picture(stage, '收入证明', '#8c5d6e'))
  await shown(desk.page.locator(`${id('message')}[data-role="contact"] .pic img`).first())

  // The page is left and comes back: the same visitor, the same conversation, one copy of each message.
  await site.page.reload()
  await frame.locator(id('launch')).click()
  await messages.filter({ hasText: answer }).waitFor()
  const again = unique(stage, '我回来了')
  await say(frame, again)
  await bubble(desk, again).waitFor()
  await until('one copy each', async () => (await bubble(desk, again).count()) === 1 && (await messages.filter({ hasText: question }).count()) === 1)

  await frame.locator(id('end')).click()
  await frame.locator(id('confirm-end')).click()
  await frame.locator(id('again')).waitFor()
  await desk.page.locator(id('wrapup')).waitFor()
  await desk.page.click(id('wrapup-done'))
  await desk.page.waitForSelector(id('wrapup'), { state: 'detached' })
  await endTalk(desk)
  await Promise.all([site.context.close(), desk.context.close()])
}

async function say(frame, text) {
  await frame.locator(id('widget-text')).fill(text)
  await frame.locator(id('widget-text')).press('Enter')
}
