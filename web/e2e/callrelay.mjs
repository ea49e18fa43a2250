// Media through a real coturn only; and with credentials that have run out, an honest end instead of waiting for ever.
import { cleared, endBoth, flowsBoth, hangUp, over, received, talk, together } from './calling.mjs'
import { coturn, expired } from './coturn.mjs'
import { demo, withCall } from './demo.mjs'
import { check, id, until } from './stage.mjs'

export const title = 'relay only through coturn; expired credentials end in ice_failed within 15 s'
export const media = true

export async function gateway(program) {
  const turn = await coturn()
  const own = await demo(program, ['--no-robot'], withCall({ turn: `["${turn.url}"]`, secret: '"turn-secret"', relay_only: 'true' }))
  return { base: own.base, stop: () => Promise.all([own.stop(), turn.stop()]) }
}

const LATE_MS = 2500

export async function run(stage) {
  const pair = await together(stage)
  const { agent, guest } = pair

  // The device test of the console finds the way.
  await agent.click(id('device-test-open'))
  await agent.locator(`${id('device-test')}[data-path="direct"], ${id('device-test')}[data-path="relay"]`).waitFor()
  if (process.env.E2E_SHOTS) await agent.screenshot({ path: `${process.env.E2E_SHOTS}/call-desk-test.png` })
  await agent.keyboard.press('Escape')
  await agent.locator(id('device-test')).waitFor({ state: 'detached' })

  // 45: both sides send through the relay, and nothing else.
  await talk(pair)
  await flowsBoth(pair)
  for (const [who, frame] of [['the agent', agent], ['the customer', guest]]) {
    const { relay } = await received(frame)
    check(relay?.every((kind) => kind === 'relay' || kind === 'prflx') && relay.includes('relay'), `${who} is connected by ${relay}`)
  }

  // So does the device test of the widget, by the servers of the call that is on.
  await guest.locator(id('call-devices')).click()
  await guest.locator(id('call-test')).click()
  await guest.locator(`${id('device-test')}[data-path="direct"], ${id('device-test')}[data-path="relay"]`).waitFor()
  await guest.locator('.visit-test > .text-btn').click()
  await flowsBoth(pair)
  await hangUp(pair)

  // Expired on both sides: no browser ever says that it failed; the wall clock does.
  for (const frame of [agent, guest]) await frame.evaluate((turn) => (window.__turn = turn), expired())
  await agent.click(id('call-video'))
  await guest.locator(id('ring')).waitFor()
  await guest.locator(id('ring-accept')).click()
  await agent.locator(`${id('call')}[data-phase="joining"]`).waitFor()
  const began = Date.now()
  await over(pair, 'ice_failed')
  check(Date.now() - began < 15_000 + LATE_MS, `it took ${Date.now() - began} ms to give up`)
  await agent.locator(id('event')).filter({ hasText: '未能接通' }).waitFor()
  await until('the devices to be let go', () => agent.evaluate(() => window.__pcs.every((pc) => pc.connectionState === 'closed')))
  await cleared(pair)
  await endBoth(pair)
  await pair.close()
}
