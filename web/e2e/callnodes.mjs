// Two nodes: the node of one side is killed while it rings, and in the middle of a call. On demand: `--only callnodes`.
import { flowsBoth, hangUp, linked, part, received, talk, talking, together } from './calling.mjs'
import { cluster } from './cluster.mjs'
import { check, id, until } from './stage.mjs'

export const title = 'a node dies during ringing and during a call'
export const media = true
/** Not with all the others. */
export const demand = true

let nodes

export async function gateway() {
  nodes = await cluster()
  return nodes
}

const nodeOf = (frame) => frame.evaluate(() => window.__nodes.at(-1))

/** One node dies, not both: the one that was killed last is there again. */
const recovered = () => until('both nodes to be there', nodes.whole)

/** Kills the node that holds a frame's socket. */
async function kill(frame) {
  const node = await nodes.holds(await nodeOf(frame))
  check(node, 'neither node holds this socket')
  nodes.kill(node)
  await until('the socket to be gone', () => frame.evaluate(() => window.__sockets.every((one) => one.readyState > 1)))
}

export async function run(stage) {
  const pair = await together(stage, { expectOffline: () => true })
  const { agent, guest } = pair

  for (const frame of [agent, guest]) {
    // While it rings.
    await recovered()
    await agent.click(id('call-video'))
    await guest.locator(id('ring')).waitFor()
    await kill(frame)
    await linked(frame)
    await guest.locator(id('ring-accept')).click()
    await talking(pair)
    await flowsBoth(pair)

    // In the middle of the call: the media does not even notice.
    await recovered()
    await kill(frame)
    const before = await Promise.all([received(agent), received(guest)])
    await linked(frame)
    const after = await Promise.all([received(agent), received(guest)])
    for (const at of [0, 1]) check(after[at].packets > before[at].packets, 'media stopped with the node')
    await flowsBoth(pair)
    await agent.click(id('call-mute'))
    await guest.locator(id('call-status')).filter({ hasText: '对方已静音' }).waitFor()
    await agent.click(id('call-mute'))
    await hangUp(pair)
  }
  await talk(pair)
  await flowsBoth(pair)
  await part(pair)
}
