// The agent's other tools: two tabs, allowance and held messages, history on scroll, transfer to a colleague.
import { acceptOffer, agentSays, bubble, check, delivered, endTalk, id, openDesk, openPhone, phoneCount, phoneSays, phoneShows, setStatus, unique, until } from './stage.mjs'

export const title = 'two tabs, held messages, history and transfer'

export async function run(stage) {
  const desk = await openDesk(stage)
  const second = { page: await desk.context.newPage(), context: desk.context }
  await second.page.goto(`${stage.base}/console/`)
  await second.page.waitForSelector(id('presence'))
  const phone = await openPhone(stage)
  await phoneSays(phone, '转人工')

  // Both tabs ring; one takes it, the other's card goes; what one writes the other shows.
  await second.page.locator(id('offer')).first().waitFor()
  await acceptOffer(desk)
  await second.page.locator(id('offer')).waitFor({ state: 'detached' })
  await second.page.locator(id('talk')).first().click()
  const both = unique(stage, '两个窗口都能看到')
  await agentSays(desk, both)
  await bubble(second, both).first().waitFor()
  await second.page.close()

  // What WeChat has delivered cannot be taken back: the desk does not offer it.
  await bubble(desk, both).hover()
  check((await bubble(desk, both).locator(`${id('edit')}, ${id('recall')}`).count()) === 0, 'the desk offers to change what WeChat delivered')

  // WeChat lets an agent send five messages for each of the customer's; what is over waits for the customer.
  const there = unique(stage, '我在')
  await phoneSays(phone, there)
  await bubble(desk, there).waitFor()
  const lines = [1, 2, 3, 4, 5, 6].map((n) => unique(stage, `连发第${n}句`))
  for (const line of lines) await agentSays(desk, line)
  await delivered(desk, lines[5], 'held')
  check((await phoneCount(phone, lines[5])) === 0, 'the sixth was delivered')
  await phoneSays(phone, '继续')
  await phoneShows(phone, lines[5])
  await delivered(desk, lines[5])

  const many = 70
  for (let n = 0; n < many; n += 1) await phoneSays(phone, `往事${String(n).padStart(3, '0')}`)
  await bubble(desk, `往事${String(many - 1).padStart(3, '0')}`).waitFor()
  await desk.page.reload()
  await desk.page.locator(id('talk')).first().click()
  await bubble(desk, `往事${String(many - 1).padStart(3, '0')}`).waitFor()
  check((await bubble(desk, both).count()) === 0, 'everything was loaded at once')
  await until('the oldest message, by scrolling up', async () => {
    await desk.page.locator(id('log')).evaluate((log) => (log.scrollTop = 0))
    return (await bubble(desk, both).count()) === 1
  })
  const numbers = (await bubble(desk, '往事').allInnerTexts()).map((text) => /往事(\d+)/.exec(text)?.[1])
  check(numbers.length === many && numbers.every((one, at) => Number(one) === at), 'history has a hole, a double or a wrong order')

  if (stage.login2) await transfer(stage, desk, phone)
  else await endTalk(desk)
  await Promise.all([phone.context.close(), desk.context.close()])
}

async function transfer(stage, desk, phone) {
  const mate = await openDesk({ ...stage, login: stage.login2, password: stage.password2 || stage.password })
  const mateName = (await mate.page.locator('.side-name').innerText()).trim()
  const handOver = async () => {
    await desk.page.click(id('transfer'))
    await desk.page.locator('input[value="agent:' + stage.login2 + '"]:not([disabled])').check()
    await desk.page.click(id('confirm-transfer'))
    await desk.page.locator(id('transferring')).filter({ hasText: mateName }).waitFor()
  }
  // Thought better of: the colleague's card goes and the agent goes on. Then in earnest.
  await handOver()
  await mate.page.locator(id('offer')).waitFor()
  if (process.env.E2E_SHOTS) await desk.page.screenshot({ path: `${process.env.E2E_SHOTS}/transferring.png` })
  await desk.page.click(id('cancel-transfer'))
  await desk.page.locator(id('transferring')).waitFor({ state: 'detached' })
  await mate.page.locator(id('offer')).waitFor({ state: 'detached' })
  await agentSays(desk, unique(stage, '还是我来为您服务'))
  await handOver()
  await acceptOffer(mate)
  await bubble(mate, '往事069').waitFor()
  const hello = unique(stage, '我接着为您服务')
  await agentSays(mate, hello)
  await phoneShows(phone, hello)
  await until('the first agent to be out', async () => (await desk.page.locator(`${id('composer')}:not([disabled])`).count()) === 0)
  await endTalk(mate)
  await setStatus(mate, 'busy')
  await mate.context.close()
}
