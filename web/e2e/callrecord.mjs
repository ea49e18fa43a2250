// A call is recorded: only with consent, shown to both, in pieces that arrive even when the page is loaded anew in between.
import { flowsBoth, part, talk, talking, together } from './calling.mjs'
import { check, id, until } from './stage.mjs'

export const title = 'recording with consent, in pieces that survive a reload'
export const media = true

export async function run(stage) {
  const pair = await together(stage)
  const { agent, guest } = pair
  const sent = []
  agent.on('response', async (response) => {
    const found = /\/api\/v1\/calls\/[^/]+\/recording\/([^/]+)\/(\d+|finish)$/.exec(new URL(response.url()).pathname)
    if (!found) return
    const one = { recording: found[1], piece: found[2], status: response.status() }
    sent.push(one)
    if (one.piece === 'finish') one.answer = await response.json().catch(() => undefined)
  })
  await talk(pair)

  // Without consent there is none.
  await agent.click(id('call-record'))
  await guest.locator(id('ask-record')).locator(id('ask-no')).click()
  await agent.locator(`${id('call-notice')}[data-notice="record_denied"]`).waitFor()
  check((await guest.locator(id('call-recording')).count()) === 0, 'shown as recorded without consent')
  check(sent.length === 0, 'recorded without consent')

  await agent.click(id('call-record'))
  await guest.locator(id('ask-record')).locator(id('ask-yes')).click()
  for (const frame of [agent, guest]) await frame.locator(id('call-recording')).waitFor()
  await until('the first piece', () => sent.some(({ piece, status }) => piece === '0' && status === 204))
  await another(pair, sent)
  await agent.click(id('call-record'))
  for (const frame of [agent, guest]) await frame.locator(id('call-recording')).waitFor({ state: 'detached' })
  await until('the end of the recording', () => sent.some(({ piece, status }) => piece === 'finish' && status === 200))
  const first = sent.find(({ piece }) => piece === '0').recording
  numbered(sent, first)
  const { answer } = await until('what became of it', () => sent.find((one) => one.answer))
  check(answer.size > 10_000 && /^[0-9a-f]{64}$/.test(answer.sha256) && answer.ms > 1000, `nothing much was recorded: ${JSON.stringify(answer)}`)

  await broken(pair, sent)
  await reconsidered(pair, sent)
  const earlier = new Set(sent.map(({ recording }) => recording))

  // The gateway cannot be reached, and the page is loaded anew: what was recorded is not lost.
  // The browser says of every piece that it did not get through.
  stage.expected = /ERR_FAILED .*\/recording\//
  await agent.context().route(/\/recording\//, (route) => route.abort())
  await agent.click(id('call-record'))
  await guest.locator(id('ask-record')).locator(id('ask-yes')).click()
  await agent.locator(id('call-recording')).waitFor()
  await until('a piece to be kept on the device', () => agent.evaluate(() => new Promise((resolve, reject) => {
    const opened = indexedDB.open('yizhan-recordings')
    opened.onerror = () => reject(opened.error)
    opened.onsuccess = () => {
      const asked = opened.result.transaction('piece').objectStore('piece').count()
      asked.onsuccess = () => (opened.result.close(), resolve(asked.result > 0))
    }
  })))
  await agent.reload()
  await agent.context().unroute(/\/recording\//)
  await talking(pair)
  await flowsBoth(pair)
  await agent.locator(`${id('call-notice')}[data-notice="record_cut"]`).waitFor()
  await until('the rest of the second recording', () => sent.some(({ recording, piece, status }) => !earlier.has(recording) && piece === 'finish' && status === 200))
  numbered(sent, sent.find(({ recording }) => !earlier.has(recording)).recording)

  await part(pair, { anew: true })
}

/** Another recording, from the question to its first piece. */
async function records({ agent, guest }, sent) {
  const known = new Set(sent.map(({ recording }) => recording))
  await agent.click(id('call-record'))
  await guest.locator(id('ask-record')).locator(id('ask-yes')).click()
  for (const frame of [agent, guest]) await frame.locator(id('call-recording')).waitFor()
  await until('its first piece', () => sent.some(({ recording, status }) => !known.has(recording) && status === 204))
}

/** How many recordings have been said to be complete. */
const finished = (sent) => sent.filter(({ piece }) => piece === 'finish').length

/** The browser ends a recording by itself: nobody goes on believing in it. The question about the next one is withdrawn. */
async function broken({ agent, guest }, sent) {
  const before = finished(sent)
  await records({ agent, guest }, sent)
  await agent.evaluate(() => window.__recorders.at(-1).stop())
  await agent.locator(`${id('call-notice')}[data-notice="record_broken"]`).waitFor()
  for (const frame of [agent, guest]) await frame.locator(id('call-recording')).waitFor({ state: 'detached' })
  await until('what there is of it', () => finished(sent) > before)

  await agent.click(id('call-record'))
  await guest.locator(id('ask-record')).waitFor()
  await agent.locator(id('call-status')).filter({ hasText: '等待客户同意' }).waitFor()
  await agent.click(id('call-record'))
  await guest.locator(id('ask-record')).waitFor({ state: 'detached' })
  await agent.locator(id('call-status')).filter({ hasText: '等待客户同意' }).waitFor({ state: 'detached' })
}

/** Who agreed thinks better of it: nothing more is recorded, and the agent hears why. */
async function reconsidered({ agent, guest }, sent) {
  const before = finished(sent)
  await records({ agent, guest }, sent)
  await guest.click(id('call-norecord'))
  for (const frame of [agent, guest]) await frame.locator(id('call-recording')).waitFor({ state: 'detached' })
  await agent.locator(`${id('call-notice')}[data-notice="record_denied"]`).waitFor()
  await until('what was recorded until then', () => finished(sent) > before)
}

/** A second page of the console does not lay hands on what this one records. */
async function another({ agent, desk }, sent) {
  const page = await desk.context.newPage()
  const theirs = []
  page.on('request', (request) => /\/recording\//.test(request.url()) && theirs.push(request.url()))
  await page.goto(agent.url())
  await page.waitForSelector(id('presence'))
  const before = sent.length
  await until('pieces after a second page was opened', () => sent.slice(before).filter(({ status }) => status === 204).length > 1)
  check(theirs.length === 0, `the second page sent ${theirs}`)
  check(sent.every(({ status }) => status === 204), `pieces were refused: ${JSON.stringify(sent)}`)
  await page.close()
}

/** From 0, none missing, each taken once. */
function numbered(sent, recording) {
  const taken = sent.filter((one) => one.recording === recording && one.status === 204).map(({ piece }) => Number(piece))
  check(taken.every((n, at) => n === at), `pieces arrived as ${taken}`)
}
