// The socket of one side breaks in the middle of a call, or its page is loaded anew: the media goes on, or comes back.
import { bothStable, cut, flows, flowsBoth, linked, part, pcs, received, talk, talking, together } from './calling.mjs'
import { check, id, until } from './stage.mjs'

export const title = 'a broken socket does not disturb a call, and a reload comes back to it'
export const media = true

const CUT_MS = 5000

export async function run(stage) {
  let offline = false
  const pair = await together(stage, { expectOffline: () => offline })
  const { agent, guest } = pair
  await talk(pair)
  await flowsBoth(pair)

  // 44: either side, five seconds; frames go on at both while it is away.
  offline = true
  for (const [who, frame] of [['the agent', agent], ['the customer', guest]]) {
    const ends = Date.now() + CUT_MS
    await cut(frame, CUT_MS)
    await until('the socket to be gone', () => frame.evaluate(() => window.__sockets.every((one) => one.readyState > 1 || one.url.includes(':9/'))))
    const before = await Promise.all([received(agent), received(guest)])
    await until(`the five seconds of ${who}`, () => Date.now() > ends)
    const after = await Promise.all([received(agent), received(guest)])
    for (const at of [0, 1]) check(after[at].frames > before[at].frames && after[at].packets > before[at].packets + 10, `media stopped while ${who} had no socket: ${JSON.stringify([before, after])}`)
    await linked(frame)
    await talking(pair)
    // Signals pass again, both ways, on the same connection.
    await agent.click(id('call-mute'))
    await guest.locator(id('call-status')).filter({ hasText: '对方已静音' }).waitFor()
    await agent.click(id('call-mute'))
    await guest.locator(id('call-status')).filter({ hasText: '对方已静音' }).waitFor({ state: 'detached' })
    bothStable(await pcs(frame))
    check((await frame.evaluate(() => window.__pcs.length)) === 1, 'a broken socket made a new connection')
  }

  // What is agreed on while one side is away is heard when it is back.
  await cut(guest, 2500)
  await agent.evaluate(() => window.__pcs.at(-1).restartIce())
  await linked(guest)
  await until('both to be stable', async () => [...(await pcs(agent)), ...(await pcs(guest))].every((pc) => pc.state === 'connected' && pc.signaling === 'stable'))
  await flowsBoth(pair)

  // A page that is loaded anew finds itself in the call; the other one makes a new connection for it.
  await pair.site.page.reload()
  await talking(pair)
  await flowsBoth(pair)
  check((await agent.evaluate(() => window.__pcs.length)) === 2, 'the agent did not make a new connection for the new page')
  await agent.reload()
  await talking(pair)
  await flowsBoth(pair)
  offline = false
  await flows(guest, 'the customer')
  await part(pair, { anew: true })
}
