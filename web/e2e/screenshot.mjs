// The picture of the README: a phone and a busy desk side by side. Drawn only when asked for with --screenshot.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { acceptOffer, agentSays, bubble, check, delivered, drawn, id, openDesk, openPhone, openVisitor, phoneSays, phoneShows, shown, tidy, until } from './stage.mjs'

export const title = 'a phone and a busy desk side by side make a picture'

export async function run(stage) {
  check(stage.screenshot, 'say where the picture goes: --screenshot file.png')
  const desk = await openDesk(stage, { height: 910 })

  const visitor = await openVisitor(stage, '林晓月')
  await visitor.ask('handoff', {})
  await visitor.says('你好，想了解一下个人贷款')
  await acceptOffer(desk)
  await agentSays(desk, '您好，年化利率 3.6% 起，最长五年，线上申请当天审批。')

  const phone = await openPhone(stage)
  await phoneSays(phone, '转人工')
  await phoneSays(phone, '你好，我的信用卡账单里有一笔不认识的消费')
  await acceptOffer(desk)
  await bubble(desk, '不认识的消费').first().waitFor()
  await answer(desk, phone, '您好，别着急，请把那笔消费的截图发给我看看。')
  await phone.page.click(id('more'))
  await phone.page.click(id('tray-album'))
  await phone.page.setInputFiles(id('phone-file'), await drawn(stage, BILL, { width: 330, height: 196 }))
  await phone.page.locator(id('phone-log')).click({ position: { x: 5, y: 5 } })
  await shown(desk.page.locator(`${id('log')} ${id('message')}[data-role="contact"] .pic img`).first())
  await answer(desk, phone, '看到了，11 月 20 日 ¥1,280.00。是您本人消费吗？')
  await phoneSays(phone, '不是我，那天我没有出门')
  await bubble(desk, '那天我没有出门').first().waitFor()
  await desk.page.click(id('note'))
  await agentSays(desk, '疑似盗刷，已临时锁卡，争议单 1120-031')
  await answer(desk, phone, '已为您临时锁卡并登记争议，三个工作日内短信通知结果。')
  await phoneSays(phone, '好的，谢谢你 😊')
  await bubble(desk, '好的，谢谢你').first().waitFor()
  await answer(desk, phone, '不客气，有事随时找我。')
  await visitor.says('需要准备哪些材料？')
  await desk.page.locator(`${id('talk')} .count`).waitFor()

  const other = await openPhone(stage, { nickname: '赵一鸣' })
  await phoneSays(other, '转人工')
  await phoneSays(other, '请问周末网点营业吗？')
  await desk.page.locator(id('offer')).first().waitFor()
  await sideBySide(stage, phone, desk)

  visitor.close()
  await tidy(stage)
  await Promise.all([phone.context.close(), other.context.close(), desk.context.close()])
}

async function answer(desk, phone, text) {
  await agentSays(desk, text)
  await delivered(desk, text)
  await phoneShows(phone, text)
}

async function sideBySide(stage, phone, desk) {
  await until('the chat to come to rest', async () => !(await desk.page.locator('.dots').count()) && !(await phone.page.locator(id('typing')).count()))
  await desk.page.mouse.move(1270, 900)
  await phone.page.locator(id('phone-text')).evaluate((field) => field.blur())
  for (const log of [desk.page.locator(id('log')), phone.page.locator(id('phone-log'))]) await log.evaluate((one) => (one.scrollTop = one.scrollHeight))
  const [left, right] = await Promise.all([phone.page.locator('.device').screenshot({ omitBackground: true }), desk.page.screenshot({ animations: 'disabled' })])
  const page = await stage.browser.newPage({ viewport: { width: 1840, height: 980 } })
  await page.setContent(
    `<body style="margin:0;height:980px;display:flex;gap:40px;align-items:center;justify-content:center;background:linear-gradient(120deg,#e6ece6,#f0e7da)"><img style="height:890px;border-radius:57px;box-shadow:0 18px 50px rgba(30,30,20,.22)" src="data:image/png;base64,${left.toString('base64')}"><img style="width:1280px;border-radius:14px;box-shadow:0 18px 60px rgba(30,30,20,.25)" src="data:image/png;base64,${right.toString('base64')}"></body>`,
  )
  await until('both pictures', () => page.evaluate(() => [...document.images].every((img) => img.complete && img.naturalWidth > 0)))
  mkdirSync(dirname(stage.screenshot), { recursive: true })
  await page.screenshot({ path: stage.screenshot })
  await page.close()
}

const ROWS = [['超市 · 11-18', '86.40'], ['云杉酒店 · 11-20', '1,280.00'], ['地铁 · 11-21', '5.00']]
const BILL = `<body style="margin:0;font:14px sans-serif;background:#fff;color:#262c30">
<div style="background:#35507e;color:#fff;padding:12px 16px;display:flex;justify-content:space-between"><b>11 月账单</b><span style="opacity:.8">6228 •••• 0123</span></div>
${ROWS.map(([name, sum], at) => `<div style="display:flex;justify-content:space-between;padding:14px 16px;border-bottom:1px solid #eceef1;${at === 1 ? 'background:#fdeeea;color:#c03a26;font-weight:600' : ''}"><span>${name}</span><span>¥ ${sum}</span></div>`).join('')}</body>`
