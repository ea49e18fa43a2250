// Phone → console → phone, with a picture each way.
import { acceptOffer, agentSays, bubble, check, delivered, endTalk, id, openDesk, openPhone, phoneSays, phoneShows, picture, shown, withFault } from './stage.mjs'

const GET_MEDIA = '/cgi-bin/media/get'

export const title = 'a customer on WeChat and an agent talk, with a picture each way'

export async function run(stage) {
  const desk = await openDesk(stage)
  const phone = await openPhone(stage)
  await phone.page.locator(`${id('phone-message')}[data-from="account"]`).first().waitFor()

  await phoneSays(phone, '转人工')
  await phoneSays(phone, '你好，我的信用卡账单里有一笔不认识的消费')
  await acceptOffer(desk)
  await bubble(desk, '我的信用卡账单里有一笔不认识的消费').first().waitFor()

  await agentSays(desk, '您好，我是小李。请把那笔消费的截图发给我看看。')
  await delivered(desk, '我是小李')
  await phoneShows(phone, '请把那笔消费的截图发给我看看')
  check((await phone.page.locator(id('phone-message')).filter({ hasText: '我是小李' }).count()) === 1, 'the answer shows twice on the phone')

  await phone.page.click(id('more'))
  await phone.page.click(id('tray-album'))
  await phone.page.setInputFiles(id('phone-file'), await picture(stage, '账单明细', '#5b6fa0'))
  await shown(desk.page.locator(`${id('log')} ${id('message')}[data-role="contact"] .pic img`).first())

  const answer = await picture(stage, '已为您登记争议', '#0d7562')
  await desk.page.setInputFiles(id('file'), answer)
  await shown(phone.page.locator(`${id('phone-message')}[data-from="account"] .photo img`).first())
  await desk.page.locator(`${id('message')}[data-type="image"][data-role="agent"][data-state="delivered"]`).waitFor()

  const note = '客户对消费时间有疑问，已请其提供截图'
  await desk.page.click(id('note'))
  await agentSays(desk, note)
  check((await desk.page.locator(`${id('message')}.note`).filter({ hasText: note }).count()) === 1, 'the note is not set apart')
  await phoneSays(phone, '好的，谢谢你 😊')
  await bubble(desk, '好的，谢谢你').first().waitFor()
  check((await phone.page.locator(id('phone-message')).filter({ hasText: note }).count()) === 0, 'the note reached the customer')
  check(/剩余 \d 条|left/.test(await desk.page.locator(id('window')).innerText()), 'the window ledger shows nothing')

  await ordered(desk.page)
  await blobs(stage, phone, desk)
  await endTalk(desk)
  await Promise.all([phone.context.close(), desk.context.close()])
}

/** WeChat's pictures come after their messages: the desk waits in sight, shows them, and says calmly when one never comes. */
async function blobs(stage, phone, desk) {
  const pictures = desk.page.locator(`${id('log')} ${id('message')}[data-role="contact"][data-type="image"]`)
  const before = await pictures.count()
  const send = async (title) => {
    await phone.page.click(id('more'))
    await phone.page.click(id('tray-album'))
    await phone.page.setInputFiles(id('phone-file'), await picture(stage, title, '#6b5b8f'))
  }
  await withFault(stage, { path: GET_MEDIA, times: 1, delay_ms: 2500 }, async () => {
    await send('慢一点')
    await pictures.nth(before).locator(`${id('waiting')}[data-coming="true"]`).waitFor()
    await shown(pictures.nth(before).locator('.pic img'))
  })
  await withFault(stage, { path: GET_MEDIA, times: 1, errcode: 40007 }, async () => {
    await send('取不到')
    await pictures.nth(before + 1).locator(`${id('waiting')}[data-coming="false"]`).filter({ hasText: '未能取得' }).waitFor()
  })
  await desk.page.reload()
  await desk.page.locator(id('talk')).first().click()
  await shown(pictures.nth(before).locator('.pic img'))
}

/** The log has no hole and no double: the numbers rise, each once. */
export async function ordered(page) {
  const seqs = await page.locator(`${id('log')} ${id('message')}[data-seq]`).evaluateAll((all) => all.map((one) => Number(one.dataset.seq)))
  check(seqs.every((seq, at) => at === 0 || seq > seqs[at - 1]), `the log is not in order: ${seqs}`)
}
