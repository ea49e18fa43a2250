// A customer in WeChat cannot be rung: the agent sends a link, the customer taps it on the phone and calls from the page that opens.
import { endBoth, flowsBoth, line, over, talking, watched } from './calling.mjs'
import { acceptOffer, check, id, openDesk, openPage, openPhone, phoneSays, until } from './stage.mjs'

export const title = 'a call out of a WeChat chat, by the link on the phone'
export const media = true

export async function run(stage) {
  const desk = await openDesk(stage, { before: watched })
  const phone = await openPhone(stage, { before: watched })
  await phoneSays(phone, '转人工')
  await acceptOffer(desk)
  await desk.page.click(id('call-video'))
  // WeChat shows it as an article; tapped, it leads out of the chat.
  const article = phone.page.locator(`${id('phone-message')}[data-kind="news"] .news-item`).last()
  await article.click()
  const link = phone.page.locator('a.sheet-btn')
  check(/\/call\//.test(await link.getAttribute('href')) && (await link.getAttribute('rel')).includes('noopener'), 'the article leads elsewhere')
  const [opened] = await Promise.all([phone.context.waitForEvent('page'), link.click()])
  opened.on('pageerror', (error) => stage.troubles.push(`call page: ${error.message}`))
  await opened.setViewportSize({ width: 390, height: 780 })
  await opened.locator(id('invitation')).waitFor()
  await until('the agent’s name', async () => (await opened.locator(id('invitation')).innerText()).includes('小李'))
  if (process.env.E2E_SHOTS) await opened.screenshot({ path: `${process.env.E2E_SHOTS}/call-page.png` })

  // Devices can be tried before.
  await opened.click(id('open-test'))
  await opened.locator(`${id('device-test')}[data-microphone="true"][data-camera="true"]`).waitFor()
  await opened.locator(`${id('device-test')}:not([data-path="waiting"])`).waitFor()
  if (process.env.E2E_SHOTS) await opened.screenshot({ path: `${process.env.E2E_SHOTS}/call-test.png` })
  await opened.locator('.page-over .page-link').click()

  const pair = { agent: desk.page, guest: opened, desk }
  await opened.click(id('join'))
  await desk.page.locator(id('ring')).waitFor()
  await desk.page.locator(id('ring-accept')).click()
  await talking(pair)
  await flowsBoth(pair)
  if (process.env.E2E_SHOTS) await opened.screenshot({ path: `${process.env.E2E_SHOTS}/call-page-live.png` })
  await line(pair, '视频通话已接通')
  await opened.click(id('call-hangup'))
  await over(pair, 'hangup_contact')
  await opened.locator(id('page-ended')).waitFor()
  await line(pair, '通话结束')

  await bare(stage)
  await dead(stage)
  await poor(stage, opened.url())
  await desk.page.locator(id('call-over')).waitFor({ state: 'detached' })
  await endBoth(pair)
  await Promise.all([phone.context.close(), desk.context.close()])
}

/** Without a link the devices can be tried, and the page says what cannot. */
async function bare(stage) {
  const { page, context } = await openPage(stage, 'device test', { path: '/call/test', width: 390, height: 780 })
  await page.locator(`${id('device-test')}[data-microphone="true"][data-path="skipped"]`).filter({ hasText: '此处不检测' }).waitFor()
  await context.close()
}

/** A link that is none says so, and what to do. */
async function dead(stage) {
  stage.expected = /404|409/
  const page = await openPage(stage, 'dead link', { path: '/call/none-such', width: 390, height: 780 })
  await page.page.locator(`${id('link-dead')}[data-why="invalid"]`).waitFor()
  await page.context.close()
  stage.expected = undefined
}

/** WeChat without a microphone: the page says how to get out of it. */
async function poor(stage, url) {
  const wechat = await openPage(stage, 'inside WeChat', {
    width: 390, height: 780, userAgent: 'Mozilla/5.0 (Linux; Android 10) AppleWebKit/537.36 Chrome/86.0 Mobile Safari/537.36 MMWEBID/1 MicroMessenger/8.0.2 NetType/WIFI',
    before: (context) => context.addInitScript(() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined })),
  })
  await wechat.page.goto(url)
  await wechat.page.locator(`${id('cannot')}[data-why="wechat"]`).filter({ hasText: '浏览器' }).waitFor()
  if (process.env.E2E_SHOTS) await wechat.page.screenshot({ path: `${process.env.E2E_SHOTS}/call-wechat.png` })
  await wechat.context.close()
}
