// The agent's network goes away and comes back: nothing is lost, nothing doubled, and the agent can keep writing.
import { ordered } from './conversation.mjs'
import { acceptOffer, agentSays, bubble, check, delivered, endTalk, id, openDesk, openPhone, phoneCount, phoneSays, phoneShows, unique, until } from './stage.mjs'

export const title = 'the agent’s socket is cut and comes back without loss or doubling'

export async function run(stage) {
  let offline = false
  const desk = await openDesk(stage, { expectOffline: () => offline })
  const phone = await openPhone(stage)
  await phoneSays(phone, '转人工')
  await acceptOffer(desk)
  await agentSays(desk, unique(stage, '断线前'))

  const before = await desk.page.locator(`${id('log')} ${id('message')}`).count()
  offline = true
  await desk.context.setOffline(true)
  await desk.page.locator('.banner').waitFor()

  const missed = [1, 2, 3].map((n) => unique(stage, `断线期间客户说的第${n}句`))
  for (const text of missed) await phoneSays(phone, text)
  const written = [1, 2].map((n) => unique(stage, `断线期间坐席写的第${n}句`))
  for (const text of written) await agentSays(desk, text)
  check((await bubble(desk, missed[0]).count()) === 0, 'the cut is not a cut')
  check((await phoneCount(phone, written[0])) === 0, 'the agent’s words arrived while offline')

  await desk.context.setOffline(false)
  await desk.page.locator('.banner').waitFor({ state: 'detached' })
  for (const text of missed) await bubble(desk, text).first().waitFor()
  for (const text of written) {
    await delivered(desk, text)
    await phoneShows(phone, text)
  }
  for (const text of [...missed, ...written]) check((await bubble(desk, text).count()) === 1, `doubled or lost on the desk: ${text}`)
  for (const text of written) check((await phoneCount(phone, text)) === 1, `doubled or lost on the phone: ${text}`)
  await ordered(desk.page)
  const lines = await phone.page.locator(`${id('phone-message')}[data-from="account"]`).allInnerTexts()
  const [first, second] = written.map((text) => lines.findIndex((line) => line.includes(text)))
  check(first < second, 'the agent’s words changed their order')
  check((await desk.page.locator(`${id('log')} ${id('message')}`).count()) >= before + 5, 'something is missing')
  offline = false

  // A reload in the middle of a conversation brings everything back, and what is written stays written.
  await desk.page.fill(id('composer'), '还没写完的一句')
  await desk.page.reload()
  await desk.page.locator(id('talk')).first().click()
  for (const text of [...missed, ...written]) await until(`one copy of ${text}`, async () => (await bubble(desk, text).count()) === 1)
  check((await desk.page.inputValue(id('composer'))) === '还没写完的一句', 'the draft did not survive the reload')
  await desk.page.fill(id('composer'), '')
  await endTalk(desk)
  await Promise.all([phone.context.close(), desk.context.close()])
}
