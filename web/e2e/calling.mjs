// The gestures of those who call: a visitor and an agent who already talk, what their connections say, and how they are cut.
import { acceptOffer, check, id, openDesk, openPage, until } from './stage.mjs'

/** Remembers every peer connection, socket and device of a page, in whatever frame, so that a case can ask and cut them, or have a word come late. */
export async function watched(context) {
  await context.addInitScript(() => {
    window.__pcs = []
    window.__sockets = []
    window.__nodes = []
    window.__tracks = []
    window.__recorders = []
    const Recorder = window.MediaRecorder
    window.MediaRecorder = class extends Recorder {
      constructor(...rest) {
        super(...rest)
        window.__recorders.push(this)
      }
    }
    const { mediaDevices } = navigator
    const open = mediaDevices?.getUserMedia.bind(mediaDevices)
    if (open)
      mediaDevices.getUserMedia = async (wanted) => {
        const stream = await open(wanted)
        window.__tracks.push(...stream.getTracks())
        return stream
      }
    /** A case may give the page other credentials than the gateway did. */
    const turned = (config = {}) => ({ ...config, iceServers: (config.iceServers ?? []).map((server) => (window.__turn && server.username ? { ...server, ...window.__turn } : server)) })
    const Peer = window.RTCPeerConnection
    window.RTCPeerConnection = class extends Peer {
      constructor(config) {
        super(turned(config))
        window.__pcs.push(this)
      }

      setConfiguration(config) {
        super.setConfiguration(turned(config))
      }
    }
    const Socket = window.WebSocket
    window.WebSocket = class extends Socket {
      constructor(...rest) {
        if (window.__cut > Date.now()) rest[0] = 'ws://127.0.0.1:9/'
        super(...rest)
        window.__sockets.push(this)
        this.addEventListener('message', ({ data }) => /"op":"hello"/.test(data) && window.__nodes.push(JSON.parse(data).d.node))
      }

      send(data) {
        const { op, ms } = window.__late ?? {}
        if (op && data.includes(`"op":"${op}"`)) setTimeout(() => super.send(data), ms)
        else super.send(data)
      }
    }
  })
}

/** What has come from the other side so far, over all connections of a frame. */
export function received(frame) {
  return frame.evaluate(async () => {
    const sum = { frames: 0, packets: 0, relay: undefined, states: [] }
    for (const pc of window.__pcs) {
      sum.states.push(pc.connectionState)
      if (pc.connectionState === 'closed') continue
      const all = [...(await pc.getStats()).values()]
      for (const one of all) {
        if (one.type !== 'inbound-rtp') continue
        if (one.kind === 'video') sum.frames += one.framesDecoded ?? 0
        else sum.packets += one.packetsReceived ?? 0
      }
      const pair = all.find((one) => one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded')
      if (pair) sum.relay = [pair.localCandidateId, pair.remoteCandidateId].map((key) => all.find((one) => one.id === key)?.candidateType)
    }
    return sum
  })
}

/** Media flows to a frame: more frames and packets than a moment ago. */
export async function flows(frame, who, { video = true, audio = true } = {}) {
  const before = await received(frame)
  let now
  await until(`media at ${who}`, async () => {
    now = await received(frame)
    return (!video || now.frames > before.frames + 3) && (!audio || now.packets > before.packets + 10)
  }).catch((error) => {
    throw new Error(`${error.message}: before ${JSON.stringify(before)}, now ${JSON.stringify(now)}`)
  })
}

export async function flowsBoth(pair, how) {
  await Promise.all([flows(pair.agent, 'the agent', how), flows(pair.guest, 'the customer', how)])
}

/** An agent and a visitor of the site in one conversation. `agent` and `guest` are the frames in which each of them calls. */
export async function together(stage, options = {}) {
  const desk = await openDesk(stage, { before: watched, ...options })
  const site = await openPage(stage, 'site', { path: `/widget/?account=${stage.account}&lang=zh`, width: 440, height: 760, before: watched, ...options })
  const frame = site.page.mainFrame()
  await frame.locator(id('human')).click()
  await acceptOffer(desk)
  await desk.page.locator(id('call-audio')).waitFor()
  return { desk, site, agent: desk.page, guest: frame, close: () => Promise.all([desk.context.close(), site.context.close()]) }
}

export async function endBoth({ desk }) {
  await desk.page.click(id('end'))
  await desk.page.click(id('confirm-end'))
  await desk.page.click(id('wrapup-done'))
  await desk.page.waitForSelector(id('wrapup'), { state: 'detached' })
}

/** The agent hangs up, and both have seen the end of it. */
export async function hangUp(pair) {
  await pair.agent.click(id('call-hangup'))
  await over(pair, 'hangup_agent')
  await cleared(pair)
}

/** That was the last call: the conversation ends as well, and nothing of it is left. A desk that was loaded anew has to open it first. */
export async function part(pair, { anew = false } = {}) {
  await hangUp(pair)
  if (anew) await pair.agent.locator(id('talk')).first().click()
  await endBoth(pair)
  await pair.close()
}

/** The agent calls, the customer answers, and both talk. */
export async function talk(pair, video = true) {
  await pair.agent.click(id(video ? 'call-video' : 'call-audio'))
  await pair.guest.locator(id('ring')).waitFor()
  await pair.guest.locator(id('ring-accept')).click()
  await talking(pair)
}

export async function talking({ agent, guest }) {
  for (const frame of [agent, guest]) await frame.locator(`${id('call')}[data-phase="talking"][data-media="connected"]`).waitFor()
}

export async function over({ agent, guest }, reason) {
  for (const frame of [agent, guest]) await frame.locator(`${id('call-over')}[data-reason="${reason}"]`).waitFor()
}

/** Microphones and cameras that a frame has opened so far, and those that still run. */
export function devices(frame) {
  return frame.evaluate(() => ({ opened: window.__tracks.length, live: window.__tracks.filter((track) => track.readyState === 'live').length }))
}

/** Both are told the same reason, whichever it is; nobody keeps a word of their own. */
export async function agreed({ agent, guest }) {
  const reason = (frame) => frame.locator(id('call-over')).getAttribute('data-reason')
  await until('one reason on both sides', async () => {
    const [one, other] = await Promise.all([reason(agent), reason(guest)])
    return one === other
  })
  return reason(agent)
}

/** The end has been seen: away with it, so that the next call starts from nothing. */
export async function cleared({ agent, guest }) {
  for (const frame of [agent, guest]) {
    // It goes by itself as well, maybe just now.
    const left = frame.locator(`${id('call-over')} .call-link`)
    if (await left.count()) await left.click({ timeout: 3000 }).catch(() => undefined)
    await frame.locator(id('call-over')).waitFor({ state: 'detached' })
  }
}

/** The socket breaks and cannot come back for so long. Media is not touched. */
export async function cut(frame, ms) {
  await frame.evaluate((ms) => {
    window.__cut = Date.now() + ms
    for (const socket of window.__sockets) socket.close()
  }, ms)
}

/** Whether the frame's own link to the gateway is there again. */
export async function linked(frame) {
  await until('the socket to be back', () => frame.evaluate(() => window.__sockets.some((one) => one.readyState === 1 && !one.url.includes(':9/'))))
}

/** Both press the same button at the same moment: neither has heard of the other yet. */
export async function atOnce({ agent, guest }, name) {
  const press = ([selector, moment]) => new Promise((done) => setTimeout(() => done(document.querySelector(selector).click()), Math.max(0, moment - Date.now())))
  const at = [id(name), Date.now() + 500]
  await Promise.all([agent.locator(id(name)).waitFor(), guest.locator(id(name)).waitFor()])
  await Promise.all([agent.evaluate(press, at), guest.evaluate(press, at)])
}

/** A line about a call in the agent's log. */
export async function line({ agent }, text) {
  await agent.locator(id('event')).filter({ hasText: text }).last().waitFor()
}

export async function pcs(frame) {
  return frame.evaluate(() => window.__pcs.filter((pc) => pc.connectionState !== 'closed').map((pc) => ({ state: pc.connectionState, signaling: pc.signalingState })))
}

export function bothStable(list) {
  check(list.length === 1 && list[0].state === 'connected' && list[0].signaling === 'stable', `not one stable connection: ${JSON.stringify(list)}`)
}
