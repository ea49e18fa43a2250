// The browser, or its person, says no to camera or microphone: the page says what to do about it, the other side hears why, and afterwards it works.
import { cleared, endBoth, flows, flowsBoth, hangUp, over, talking, together } from './calling.mjs'
import { check, id, until } from './stage.mjs'

export const title = 'no permission for microphone or camera, and what to do about it'
/** Nobody allows anything by themselves. */
export const media = 'asks'

const ALL = ['camera', 'microphone']

export async function run(stage) {
  const pair = await together(stage)
  const { agent, guest, desk, site } = pair

  // The agent's own microphone: the customer is not even rung.
  await agent.click(id('call-audio'))
  await agent.locator(id('call-trouble')).filter({ hasText: '将麦克风设为「允许」' }).waitFor()
  check((await guest.locator(id('ring')).count()) === 0, 'it rings although the caller cannot talk')
  check(await agent.evaluate(() => window.__pcs.length === 0), 'a connection without a microphone')

  // The customer's: told at the ring, which stays; declining it tells the agent why.
  await desk.context.grantPermissions(ALL, { origin: new URL(stage.base).origin })
  await agent.click(id('call-video'))
  await guest.locator(id('ring-accept')).click()
  await guest.locator(id('ring')).filter({ hasText: '将麦克风设为「允许」' }).filter({ hasText: '重试' }).waitFor()
  await guest.locator(id('ring-decline')).click()
  await agent.locator(`${id('call-over')}[data-reason="media_denied"]`).filter({ hasText: '麦克风或摄像头不可用' }).waitFor()
  await cleared(pair)

  // Only the camera is kept from the customer: who cannot be seen can still talk.
  await site.context.grantPermissions(['microphone'], { origin: new URL(stage.base).origin })
  await agent.click(id('call-video'))
  await guest.locator(id('ring-accept')).click()
  await talking(pair)
  await guest.locator(`${id('call-notice')}[data-notice="no_camera"]`).waitFor()
  await Promise.all([flows(guest, 'the customer'), flows(agent, 'the agent', { video: false })])
  await hangUp(pair)

  // Allowed while it rings: the same ring is answered at the second try.
  await site.context.clearPermissions()
  await agent.click(id('call-video'))
  await guest.locator(id('ring-accept')).click()
  await guest.locator(id('ring')).filter({ hasText: '重试' }).waitFor()
  await site.context.grantPermissions(ALL, { origin: new URL(stage.base).origin })
  await guest.locator(id('ring-accept')).click()
  await talking(pair)
  await flowsBoth(pair)
  await guest.locator(id('call-hangup')).click()
  await over(pair, 'hangup_contact')
  await until('the devices to be let go', () => guest.evaluate(() => window.__pcs.every((pc) => pc.connectionState === 'closed')))
  await cleared(pair)
  await endBoth(pair)
  await pair.close()
}
