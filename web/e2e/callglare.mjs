// Both do the same at the same moment: call, turn video on, restart the connection. It comes out as one.
import { atOnce, bothStable, cleared, flows, flowsBoth, over, part, pcs, talk, talking, together } from './calling.mjs'
import { check, id, until } from './stage.mjs'

export const title = 'upgrade, refusal, two calls at once, two ICE restarts at once'
export const media = true

export async function run(stage) {
  const pair = await together(stage)
  const { agent, guest } = pair

  // 41: refused, it stays audio; agreed, it becomes video.
  await talk(pair, false)
  await agent.click(id('call-upgrade'))
  await guest.locator(id('ask-upgrade')).locator(id('ask-no')).click()
  await agent.locator(`${id('call-notice')}[data-notice="upgrade_denied"]`).waitFor()
  await flowsBoth(pair, { video: false })
  check((await guest.evaluate(() => window.__pcs.at(-1).getSenders().filter((one) => one.track?.kind === 'video').length)) === 0, 'video without consent')
  await guest.locator(id('call-upgrade')).click()
  await agent.locator(id('ask-upgrade')).locator(id('ask-yes')).click()
  await flowsBoth(pair)
  for (const frame of [agent, guest]) await frame.locator(`${id('call-view')}[data-seeing="true"]`).waitFor()

  // Down and up again on the same connection.
  await guest.locator(id('call-downgrade')).click()
  await agent.locator(id('call-upgrade')).click()
  await guest.locator(id('ask-upgrade')).locator(id('ask-yes')).click()
  await flowsBoth(pair)

  // 43: both restart at the same moment, five times over.
  for (let round = 0; round < 5; round += 1) {
    const at = Date.now() + 400
    const restart = (moment) => {
      const pc = window.__pcs.at(-1)
      return new Promise((done) => setTimeout(() => (pc.restartIce(), done()), Math.max(0, moment - Date.now())))
    }
    await Promise.all([agent.evaluate(restart, at), guest.evaluate(restart, at)])
    await until('both to be stable', async () => {
      const [a, b] = await Promise.all([pcs(agent), pcs(guest)])
      return [...a, ...b].every((pc) => pc.state === 'connected' && pc.signaling === 'stable')
    })
    await flowsBoth(pair)
  }
  bothStable(await pcs(agent))
  bothStable(await pcs(guest))
  await guest.locator(id('call-hangup')).click()
  await over(pair, 'hangup_contact')
  await cleared(pair)

  // 42: both call at once: one call, and both talk in it.
  await atOnce(pair, 'call-video')
  const ring = agent.locator(id('ring-accept'))
  const either = await Promise.race([talking(pair).then(() => 'one'), ring.waitFor().then(() => 'rang'), guest.locator(id('ring-accept')).waitFor().then(() => 'rang')])
  check(either === 'one', 'two calls that were made at once did not become one')
  await flowsBoth(pair)
  await flows(guest, 'the customer')
  await part(pair)
}
