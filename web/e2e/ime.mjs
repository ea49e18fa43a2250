// Enter while an input method composes belongs to the input method, on every face.
import { acceptOffer, bubble, check, endTalk, id, openDesk, openPhone, phoneCount, phoneSays, until } from './stage.mjs'

export const title = 'Enter never sends while an input method composes'

export async function run(stage) {
  const desk = await openDesk(stage)
  const phone = await openPhone(stage)
  await composes(phone, id('phone-text'), '手机拼音', () => phoneCount(phone, '手机拼音', 'me'), async () => phone.page.locator(id('to-text')).click())
  await phoneSays(phone, '转人工')
  await acceptOffer(desk)
  await composes(desk, id('composer'), '坐席拼音', () => bubble(desk, '坐席拼音').count())
  await bubble(desk, '坐席拼音').waitFor()
  check((await bubble(desk, 'zuoxi').count()) === 0, 'the raw letters were sent')

  await desk.page.fill(id('composer'), '第一行')
  await desk.page.press(id('composer'), 'Shift+Enter')
  await desk.page.locator(id('composer')).pressSequentially('第二行')
  check((await desk.page.inputValue(id('composer'))) === '第一行\n第二行', 'Shift+Enter does not break the line')
  await desk.page.fill(id('composer'), '')
  await endTalk(desk)
  await Promise.all([phone.context.close(), desk.context.close()])
}

async function composes({ page, context }, field, final, count, prepare) {
  if (prepare && (await page.locator(id('to-text')).count())) await prepare()
  const cdp = await context.newCDPSession(page)
  await page.click(field)
  for (const text of ['z', 'zu', 'zuo', 'zuoxi']) await cdp.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length })
  check((await page.inputValue(field)).includes('zuoxi'), 'the composition does not show')
  // The Enter that takes the candidate, as Chromium reports it while composing…
  await cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Process', code: 'Enter', windowsVirtualKeyCode: 229, nativeVirtualKeyCode: 229 })
  await cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13 })
  // …and as a browser reports it that says "Enter" with isComposing.
  await page.locator(field).evaluate((area) => {
    for (const init of [{ key: 'Enter', code: 'Enter', isComposing: true }, { key: 'Enter', code: 'Enter', keyCode: 229 }]) area.dispatchEvent(new KeyboardEvent('keydown', { ...init, bubbles: true, cancelable: true }))
  })
  check((await count()) === 0 && (await page.inputValue(field)) !== '', 'Enter was sent in the middle of a composition')
  await cdp.send('Input.imeSetComposition', { text: final, selectionStart: final.length, selectionEnd: final.length })
  await cdp.send('Input.insertText', { text: final })
  check((await page.inputValue(field)) === final, `after the composition the field holds ${await page.inputValue(field)}`)
  // Safari ends the composition first and reports the confirming Enter right after it.
  await page.locator(field).evaluate((area) => {
    area.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))
    area.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }))
    area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', bubbles: true, cancelable: true }))
  })
  check((await page.inputValue(field)) === final, 'the Enter right after a composition was taken for a real one')
  await until('an Enter of its own to send', async () => {
    await page.press(field, 'Enter')
    return (await page.inputValue(field)) === ''
  })
  await cdp.detach()
}
