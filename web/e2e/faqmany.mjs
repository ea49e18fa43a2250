// The question base with ten thousand entries: taken in from tables, read, searched, changed, tried. On demand: `--only faqmany`.
import { check, id, openDesk, until } from './stage.mjs'

export const title = 'a question base of ten thousand entries is kept without waiting'
export const machines = true
/** Not with all the others: what it measures says little while they run. */
export const demand = true

const TABLES = 2
const ROWS = 5_000
/** Nobody waits longer for a page, milliseconds. */
const MOST_MS = 1_500
/** Nor for a table of 5,000 rows to be checked, and to be taken in. */
const TABLE_MS = 15_000

const PRODUCTS = ['借记卡', '信用卡', '存折', '手机银行', '理财产品', '定期存款', '房贷', '代发工资', '收款码', '社保卡']
const DEEDS = ['怎么办理', '收多少钱', '多久到账', '需要什么材料', '能不能取消', '忘了怎么办', '在哪里查', '可以代办吗', '为什么失败', '限额是多少']

/** A table whose questions all differ. */
function table(part) {
  const rows = Array.from({ length: ROWS }, (_, n) => {
    const at = part * ROWS + n
    return `第${at}网点的${PRODUCTS[at % 10]}${DEEDS[Math.floor(at / 10) % 10]}？,请到第${at}网点的柜台，或拨打客服热线。,第${at % 100}类`
  })
  return Buffer.from(`question,answer,category\n${rows.join('\n')}\n`)
}

export async function run(stage) {
  const desk = await openDesk({ ...stage, login: stage.login2, password: stage.password2 || stage.password }, { status: 'busy', colorScheme: process.env.E2E_DARK ? 'dark' : 'light' })
  const { page } = desk
  const range = () => page.locator(id('faq-range')).innerText()
  const row = (text) => page.locator(id('faq-row')).filter({ hasText: text })

  await page.click(id('faq-open'))
  await page.click(id('faq-tab-tables'))
  for (let part = 0; part < TABLES; part += 1) {
    await takes(`table ${part + 1} checked`, TABLE_MS, async () => {
      await page.setInputFiles(id('faq-file'), { name: `问答${part}.csv`, mimeType: 'text/csv', buffer: table(part) })
      await page.locator(`${id('faq-outcome')}[data-step="checked"]`).filter({ hasText: `${ROWS}` }).waitFor()
    })
    await takes(`table ${part + 1} taken in`, TABLE_MS, async () => {
      await page.click(id('faq-take'))
      await page.locator(id('faq-taken')).filter({ hasText: `新增 ${ROWS} 条` }).waitFor()
    })
  }
  await takes('the list', MOST_MS, async () => {
    await page.click(id('faq-tab-entries'))
    await page.locator(id('faq-row')).first().waitFor()
  })
  check(Number(/共 ([\d,]+) 条/.exec(await range())[1].replace(',', '')) >= TABLES * ROWS, `not all are there: ${await range()}`)
  await takes('one of them by words', MOST_MS, async () => {
    await page.fill(id('faq-search'), '第7321网点')
    await until('one entry', async () => (await page.locator(id('faq-row')).count()) === 1)
  })
  await takes('many by words', MOST_MS, async () => {
    await page.fill(id('faq-search'), '信用卡')
    await until('a full page', async () => /^第 1–50 条/.test(await range()) && (await page.locator(id('faq-row')).count()) === 50)
  })
  await takes('the next page', MOST_MS, async () => {
    await page.click(id('faq-next'))
    await until('the second page', async () => /^第 51–/.test(await range()))
  })
  await page.fill(id('faq-search'), '第7321网点')
  await takes('the form', MOST_MS, async () => {
    await row('第7321网点').click()
    await page.locator(id('faq-answer')).waitFor()
  })
  await takes('saving', MOST_MS, async () => {
    await page.fill(id('faq-answer'), '第7321网点今天休息。')
    await page.click(id('faq-save'))
    await row('第7321网点今天休息').waitFor()
  })
  await takes('the change to count', MOST_MS * 4, async () => {
    await page.click(id('faq-tab-try'))
    await page.fill(id('faq-ask'), '第7321网点的信用卡多久到账')
    await until('the answer', async () => {
      await page.press(id('faq-ask'), 'Enter')
      return (await page.locator(id('faq-hit')).first().innerText().catch(() => '')).includes('第7321网点')
    })
  })
  if (process.env.E2E_SHOTS) await page.screenshot({ path: `${process.env.E2E_SHOTS}/faqmany.png` })
  await desk.context.close()
}

/** Does something, says how long it took, and that it was not too long. */
async function takes(what, most, act) {
  const began = performance.now()
  await act()
  const took = Math.round(performance.now() - began)
  console.log(`      ${what}: ${took} ms`)
  check(took <= most, `${what} took ${took} ms, more than ${most}`)
}
