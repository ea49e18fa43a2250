// Every page in both languages and both themes, narrow and wide: no violation, no error, nothing wider than the screen.
import { check, id, openDesk, openPage, until } from './stage.mjs'

export const title = 'every page loads clean, in both languages, wide and narrow, and refuses an injected script'

export async function run(stage) {
  for (const path of ['/', '/site/', '/console/', '/console/?lang=en&theme=dark', '/simulator/phone/', '/simulator/phone/?lang=en', `/widget/?account=${stage.account}`, `/widget/?account=${stage.account}&lang=en`])
    for (const width of [1280, 390]) {
      const { page, context } = await openPage(stage, path, { width, height: 800, path })
      await until(`${path} to show something`, async () => (await page.locator('body').innerText()).trim().length > 3)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      check(wide <= 0, `${path} is ${wide} px too wide at ${width} px`)
      await context.close()
    }
  const desk = await openDesk(stage, { width: 390, height: 780, status: 'busy' })
  check((await desk.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)) <= 0, 'the desk is too wide at 390 px')
  await desk.page.keyboard.press('?')
  await desk.page.locator('dialog').waitFor()
  await desk.page.keyboard.press('Escape')
  await desk.page.locator('dialog').waitFor({ state: 'detached' })
  check((await desk.page.locator(id('presence')).getAttribute('aria-haspopup')) === 'menu', 'the status switch does not say that it is a menu')

  // The policy is alive: scripts put into the page do not run. The violations they cause are the expected ones.
  stage.expected = /__injected|Executing inline script|script-src|TrustedScript/
  const ran = await desk.page.evaluate(() => {
    for (const put of [(script) => (script.textContent = 'window.__injected = 1'), (script) => script.append('window.__injected = 1')])
      try {
        const script = document.createElement('script')
        put(script)
        document.body.append(script)
      } catch {
        // Trusted Types refuse the assignment itself.
      }
    return Boolean(window.__injected)
  })
  check(ran === false, 'an injected inline script ran')
  await until('the report of the violation', () => stage.seen.length > 0, 5000)
  await desk.context.close()
}
