// A call goes to a colleague together with its conversation: the customer sees the colleague without doing anything.
import { endBoth, flows, flowsBoth, hangUp, talk, talking, together, watched } from './calling.mjs'
import { acceptOffer, check, id, openDesk, setStatus } from './stage.mjs'

export const title = 'a call is transferred to a colleague in the middle of it'
export const media = true

export async function run(stage) {
  const pair = await together(stage)
  await talk(pair)
  await flowsBoth(pair)
  const mate = await openDesk({ ...stage, login: stage.login2, password: stage.password2 || stage.password }, { before: watched })

  await pair.agent.click(id('call-transfer'))
  await pair.agent.locator(`input[value="agent:${stage.login2}"]:not([disabled])`).check()
  await pair.agent.click(id('confirm-transfer'))
  // Until somebody takes it, it goes on as it is.
  await mate.page.locator(id('offer')).waitFor()
  await flowsBoth(pair)
  await acceptOffer(mate)
  const next = { agent: mate.page, guest: pair.guest, desk: mate }
  await talking(next)
  await flowsBoth(next)
  await pair.agent.locator(id('call')).waitFor({ state: 'detached' })
  check((await pair.guest.locator(id('call')).innerText()).includes('小王'), 'the customer does not see who is there now')
  check(await pair.agent.evaluate(() => window.__pcs.every((pc) => pc.connectionState === 'closed')), 'the giver is still connected')
  await flows(pair.guest, 'the customer')

  await hangUp(next)
  await endBoth(next)
  await setStatus(mate, 'busy')
  if (await pair.agent.locator(id('wrapup-done')).count()) await pair.agent.click(id('wrapup-done'))
  await Promise.all([mate.context.close(), pair.close()])
}
