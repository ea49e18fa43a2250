// The question base in the console: a supervisor adds a question by keys alone, tries it out, takes a table in and out, works off what the robot could not answer.
import { readFileSync } from 'node:fs'
import { check, id, openDesk, openVisitor, until } from './stage.mjs'

export const title = 'a supervisor keeps the question base'
export const machines = true

const QUESTION = '驿站的营业时间是几点？'
const ANSWER = '工作日 9:00 至 18:00。'
/** Nothing in the demo's question base is near it. */
const STRANGE = '月球上可以骑骆驼吗'

export async function run(stage) {
  // What the page asks for and is refused is shown on it; the browser reports it besides.
  stage.expected = /status of (409|412|422)/
  const desk = await openDesk({ ...stage, login: stage.login2, password: stage.password2 || stage.password }, { status: 'busy' })
  const { page } = desk
  await adds(stage, desk)
  await keepsDrafts(desk)
  await meanwhile(desk)
  await tries(stage, desk)
  await tables(stage, desk)
  await unknown(stage, desk)
  await words(stage, desk)
  await removes(desk)
  await refused(stage)
  await shot(stage, page, 'end')
  await desk.context.close()
}

async function shot(stage, page, name) {
  const folder = process.env.E2E_SHOTS
  if (!folder) return
  await page.locator('.toast').waitFor({ state: 'detached' }).catch(() => undefined)
  const size = page.viewportSize()
  const held = await page.evaluateHandle(() => document.activeElement)
  await page.screenshot({ path: `${folder}/faq-${name}.png` })
  await page.getByRole('button', { name: 'English' }).click()
  await page.screenshot({ path: `${folder}/faq-${name}-en.png` })
  await page.setViewportSize({ width: 390, height: 780 })
  await page.screenshot({ path: `${folder}/faq-${name}-en-narrow.png` })
  await page.setViewportSize(size)
  await page.getByRole('button', { name: '中文' }).click()
  await page.setViewportSize({ width: 900, height: 700 })
  await page.screenshot({ path: `${folder}/faq-${name}-middle.png` })
  await page.setViewportSize(size)
  await held.evaluate((element) => element.focus())
}

const row = (page, text) => page.locator(id('faq-row')).filter({ hasText: text })
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key)
}
const focused = (page, name) => until(`the focus on ${name}`, () => page.evaluate((wanted) => document.activeElement?.dataset.testid === wanted, name))

/** To the page, to the form, through the form and back to the list: no mouse. */
async function adds(stage, { page, context }) {
  await page.locator(id('faq-open')).focus()
  await press(page, 'Enter')
  await focused(page, 'faq-search')
  await page.locator(id('faq-row')).first().waitFor()
  await shot(stage, page, 'list')
  await press(page, 'Tab', 'Tab', 'Tab', 'Enter')
  await focused(page, 'faq-question')
  await page.keyboard.type(QUESTION)
  // Enter takes a candidate of an input method, and saves nothing.
  const cdp = await context.newCDPSession(page)
  await cdp.send('Input.imeSetComposition', { text: 'zh', selectionStart: 2, selectionEnd: 2 })
  await page.locator(id('faq-question')).evaluate((field) => field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', isComposing: true, bubbles: true, cancelable: true })))
  await cdp.send('Input.imeSetComposition', { text: '', selectionStart: 0, selectionEnd: 0 })
  await cdp.detach()
  check((await page.locator(id('faq-problem')).count()) === 0, 'Enter saved in the middle of a composition')
  await page.fill(id('faq-question'), QUESTION)
  // Without an answer it is refused, beside the field, and the field has the focus.
  // An Enter within milliseconds of a composition's end still belongs to that, so a quick hand presses again.
  await press(page, 'Control+A')
  await until('an Enter of its own to submit', async () => {
    await press(page, 'Enter')
    return (await page.locator(`${id('faq-form')}[aria-busy="true"], #faq-fault-answer`).count()) > 0
  })
  await page.locator('#faq-fault-answer').waitFor()
  await focused(page, 'faq-answer')
  await page.keyboard.type(ANSWER)
  await shot(stage, page, 'form')
  await press(page, 'Control+Enter')
  await row(page, QUESTION).waitFor()
  await focused(page, 'faq-add')
  check((await page.locator(id('faq-row')).first().innerText()).includes(QUESTION), 'what was changed last is not the first')

  // It is found by words and by standing; the pages say how many there are.
  await page.locator(id('faq-search')).fill('几点 驿站')
  await until('one entry', async () => (await page.locator(id('faq-row')).count()) === 1)
  await page.locator(id('faq-state')).selectOption('late')
  await page.locator(id('faq-empty')).waitFor()
  await page.locator(id('faq-state')).selectOption('')
  await page.locator(id('faq-search')).fill('')
  await until('pages', async () => /^第 1–50 条，共 \d+ 条$/.test(await page.locator(id('faq-range')).innerText()))
  await page.click(id('faq-next'))
  await until('the second page', async () => /^第 51–/.test(await page.locator(id('faq-range')).innerText()))
  await page.click(id('faq-prev'))
  await row(page, QUESTION).waitFor()
}

/** What is written stays, through Escape, another page, and a reload, until it is saved or given up. */
async function keepsDrafts({ page }) {
  await row(page, QUESTION).focus()
  await press(page, 'Enter')
  await focused(page, 'faq-question')
  await page.fill(id('faq-similar'), '几点开门\n几点关门')
  await press(page, 'Escape')
  await row(page, QUESTION).filter({ hasText: '未保存' }).waitFor()
  await page.reload()
  await page.click(id('faq-open'))
  await row(page, QUESTION).click()
  await page.locator(id('faq-restored')).waitFor()
  check((await page.inputValue(id('faq-similar'))) === '几点开门\n几点关门', 'the draft is lost')
  await page.click(id('faq-save'))
  await row(page, QUESTION).filter({ hasText: '3 种问法' }).waitFor()
}

/** Somebody else's change is shown before it is overwritten. */
async function meanwhile({ page }) {
  await row(page, QUESTION).click()
  await focused(page, 'faq-question')
  const entry = await page.locator(id('faq-form')).locator('.mono').innerText()
  await page.evaluate(async ([path, words]) => {
    const { csrf } = await (await fetch('/api/v1/me')).json()
    const now = await (await fetch(path)).json()
    const put = await fetch(path, { method: 'PUT', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }, body: JSON.stringify({ ...now, answer: words }) })
    if (!put.ok) throw new Error(await put.text())
  }, [`/api/v1/faq/${entry}`, '同事改过的答案'])
  await page.fill(id('faq-answer'), '我改过的答案')
  await page.click(id('faq-save'))
  await page.locator(id('faq-conflict')).filter({ hasText: '同事改过的答案' }).waitFor()
  if (process.env.E2E_SHOTS) await page.screenshot({ path: `${process.env.E2E_SHOTS}/faq-conflict.png` })
  check((await page.inputValue(id('faq-answer'))) === '我改过的答案', 'a conflict costs what was written')
  await page.click(id('faq-use-mine'))
  await row(page, '我改过的答案').waitFor()
}

async function tries(stage, { page }) {
  await page.locator(id('faq-tab-entries')).focus()
  await press(page, 'ArrowRight')
  await focused(page, 'faq-tab-try')
  await press(page, 'Tab', 'Tab')
  await focused(page, 'faq-ask')
  await page.keyboard.type('几点开门')
  // A change counts after a second.
  await until('the entry to be answered', async () => {
    await press(page, 'Enter')
    return (await page.locator(`${id('faq-verdict')}[data-decision="answer"]`).count()) === 1 && (await page.locator(id('faq-hit')).first().innerText()).includes(QUESTION)
  })
  await page.fill(id('faq-ask'), '信用卡账单')
  await press(page, 'Enter')
  await page.locator(`${id('faq-verdict')}[data-decision="clarify"]`).waitFor()
  await shot(stage, page, 'try')
  await page.fill(id('faq-ask'), STRANGE)
  await press(page, 'Enter')
  await page.locator(`${id('faq-verdict')}[data-decision="miss"]`).filter({ hasText: '答不上来' }).waitFor()
}

const TABLE = 'question,answer,leads,category\n导入的问题一？,答案一,,导入\n,没有问题,,导入\n导入的问题三？,,flow:nowhere,导入\n导入的问题四？,答案四,,导入\n'

/** A wrong row is shown with its mistake, nothing is kept before somebody says so, and what is left out is said. */
async function tables(stage, { page }) {
  const outcome = (step) => page.locator(`${id('faq-outcome')}[data-step="${step}"]`)
  const fault = (line) => page.locator(`${id('faq-fault')}[data-line="${line}"]`)
  await page.click(id('faq-tab-tables'))
  await page.setInputFiles(id('faq-file'), { name: '问答.csv', mimeType: 'text/csv', buffer: Buffer.from(TABLE) })
  await outcome('checked').waitFor()
  await fault(3).filter({ hasText: 'question' }).waitFor()
  await fault(4).filter({ hasText: '导入的问题三？' }).filter({ hasText: '没有这个流程' }).waitFor()
  check((await page.locator(id('faq-take')).innerText()).includes('跳过有误的 2 行'), 'it is not said what is left out')
  await shot(stage, page, 'import')
  const known = await entries(page, '导入的问题')
  check(known === 0, 'the check has kept something')
  await page.click(id('faq-take'))
  await page.locator(id('faq-taken')).filter({ hasText: '新增 2 条' }).waitFor()
  await fault(4).waitFor()
  check((await entries(page, '导入的问题')) === 2, 'not exactly the right rows are there')
  // As Chinese spreadsheets write it: GBK.
  const gbk = Buffer.concat([Buffer.from('question,answer\n'), Buffer.from([0xc4, 0xe3, 0xba, 0xc3, 0xc2, 0xf0]), Buffer.from(',hi\n')])
  await page.setInputFiles(id('faq-file'), { name: 'gbk.csv', mimeType: 'text/csv', buffer: gbk })
  await outcome('checked').filter({ hasText: 'GBK' }).waitFor()
  await page.setInputFiles(id('faq-file'), { name: 'no.csv', mimeType: 'text/csv', buffer: Buffer.from('a,b\n1,2\n') })
  await outcome('refused').waitFor()
  await fault(1).first().waitFor()

  const [download] = await Promise.all([page.waitForEvent('download'), page.click(id('faq-export'))])
  const table = readFileSync(await download.path(), 'utf8')
  check(download.suggestedFilename() === 'faq.csv' && table.startsWith('\uFEFFid,kind,question') && table.includes('导入的问题四？') && table.includes(QUESTION), 'the export is not the question base')
}

const entries = (page, q) => page.evaluate(async (words) => (await (await fetch(`/api/v1/faq?q=${encodeURIComponent(words)}`)).json()).total, q)

async function unknown(stage, { page }) {
  const visitor = await openVisitor(stage, '陈静')
  await visitor.says(STRANGE)
  await page.click(id('faq-tab-unknown'))
  const item = page.locator(id('faq-unknown-item')).filter({ hasText: STRANGE })
  await until('the question to be in the list', async () => {
    await page.click(id('faq-unknown-refresh'))
    return (await item.count()) === 1
  })
  await item.locator(id('faq-join')).click()
  // The buttons wait for the answer, and what waits takes no focus.
  await item.locator('.unknown-join').waitFor()
  await until('the buttons to be free again', () => item.locator(id('faq-make')).isEnabled())
  await shot(stage, page, 'unknown')
  // A list that is read anew leaves open what was open.
  const reread = page.waitForResponse((answer) => answer.url().includes('/unknown-questions?'))
  await page.click(id('faq-unknown-refresh'))
  await (await reread).finished()
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  check(await item.locator('.unknown-join').isVisible(), 'reading the list anew has closed what was open')
  await item.locator(id('faq-make')).focus()
  await press(page, 'Enter')
  await focused(page, 'faq-question')
  check((await page.inputValue(id('faq-question'))) === STRANGE, 'the form does not have the question')
  await page.fill(id('faq-answer'), '月球上没有骆驼。')
  await press(page, 'Control+Enter')
  await item.waitFor({ state: 'detached' })
  check((await entries(page, STRANGE)) === 1, 'the question was not kept')
  await page.getByText('已处理', { exact: true }).click()
  await item.waitFor()
  visitor.close()
}

async function words(stage, { page }) {
  await page.click(id('faq-tab-words'))
  await page.fill(id('faq-words'), '驿站通\n\n坏|词')
  await page.fill(id('faq-synonyms'), '营业时间、开门时间\n孤单')
  await page.click(id('faq-words-save'))
  await page.locator(id('faq-words-hint')).filter({ hasText: '第 3 行' }).waitFor()
  await page.locator(id('faq-synonyms-hint')).filter({ hasText: '第 2 行' }).waitFor()
  await shot(stage, page, 'words')
  await page.fill(id('faq-words'), '驿站通')
  await page.fill(id('faq-synonyms'), '营业时间、开门时间')
  await press(page, 'Control+Enter')
  await until('the words to be kept', () => page.locator(id('faq-words-save')).isDisabled())
}

async function removes({ page }) {
  await page.click(id('faq-tab-entries'))
  await row(page, STRANGE).click()
  await page.click(id('faq-delete'))
  await page.click(id('faq-confirm-delete'))
  await row(page, STRANGE).waitFor({ state: 'detached' })
  // Escape leaves the page, and the focus is where it came from.
  await page.locator(id('faq-search')).focus()
  await press(page, 'Escape')
  await focused(page, 'faq-open')
}

/** An agent has no such page. */
async function refused(stage) {
  const agent = await openDesk(stage, { status: 'busy' })
  check((await agent.page.locator(id('faq-open')).count()) === 0, 'an agent is offered the question base')
  await agent.context.close()
}
