// Another module begins a call: the agent's console calls by itself, the module has it recorded and ends it, and reads everything in the record.
import { cleared, endBoth, flowsBoth, line, over, talking, together } from './calling.mjs'
import { demo } from './demo.mjs'
import { broker, module } from './module.mjs'
import { check, id, until } from './stage.mjs'

export const title = 'a call that another module begins, has recorded and ends, and its record'
export const media = true

/** Browsers say every ten seconds how well it goes; this long there are two such words. */
const TALK = /0:2[1-9]|0:[3-9]/
const TALK_MS = 45_000

let crm

export async function gateway(program) {
  const rabbitmq = await broker()
  const own = await demo(program, ['--no-robot'], undefined, { YIZHAN__BUS__KIND: 'rabbitmq', YIZHAN__BUS__URL: rabbitmq.url })
  crm = await module(rabbitmq.url)
  const stop = async () => {
    await crm.stop()
    await own.stop()
    await rabbitmq.stop()
  }
  return { base: own.base, stop }
}

export async function run(stage) {
  const pair = await together(stage)
  const { agent, guest } = pair
  const { session } = await crm.told('session.connected')
  const ordered = async (cmd, args) => {
    const answer = await crm.order(cmd, args)
    check(answer.ok, `${cmd} was refused: ${JSON.stringify(answer)}`)
    return answer.ok
  }

  // Nobody touches the console: it opens its devices and calls.
  const { call } = await ordered('call.start', { session, media: { audio: true, video: true } })
  await agent.locator(`${id('call')}[data-phase="calling"]`).waitFor()
  await agent.locator(id('call-status')).filter({ hasText: '已响铃' }).waitFor()
  await guest.locator(id('ring-accept')).click()
  await talking(pair)
  await flowsBoth(pair)
  await line(pair, '视频通话已接通')
  const again = await crm.order('call.start', { session, media: { audio: true, video: false } })
  check(again.err?.code === 'call_busy', `a second call of a session: ${JSON.stringify(again)}`)

  await ordered('call.record', { call, on: true })
  await guest.locator(id('ask-record')).locator(id('ask-yes')).click()
  for (const frame of [agent, guest]) await frame.locator(id('call-recording')).waitFor()
  await crm.told('call.recording_started', (data) => data.call === call && data.consent)
  await until('two words about the quality', async () => TALK.test(await agent.locator(id('call-time')).innerText()), TALK_MS)
  await flowsBoth(pair)
  await ordered('call.record', { call, on: false })
  for (const frame of [agent, guest]) await frame.locator(id('call-recording')).waitFor({ state: 'detached' })
  const ready = await crm.told('call.recording_ready', (data) => data.call === call)
  check(ready.ms > 10_000 && /^[0-9a-f]{64}$/.test(ready.sha256) && ready.consent, `not much of a recording: ${JSON.stringify(ready)}`)

  await ordered('call.end', { call })
  await over(pair, 'admin')
  await guest.locator(id('rate-5')).click()
  const rated = await crm.told('call.rated', (data) => data.call === call)
  check(rated.side === 'contact' && rated.score === 5, `rated as ${JSON.stringify(rated)}`)
  await agent.locator(id('rate-2')).click()
  await agent.locator(id('problem-echo')).click()
  await agent.locator(id('rate-send')).click()
  const why = await crm.told('call.rated', (data) => data.call === call && data.side === 'agent')
  check(why.score === 2 && why.problems.join() === 'echo', `rated by the agent as ${JSON.stringify(why)}`)
  await recorded(call, session)
  await line(pair, '通话结束')
  await cleared(pair)
  await endBoth(pair)
  await pair.close()
}

/** What two real browsers leave in the record. */
async function recorded(call, session) {
  for (const moment of ['invited', 'ringing', 'accepted', 'connected']) await crm.told(`call.${moment}`, (data) => data.call === call)
  const record = await crm.told('call.ended', (data) => data.call === call)
  const [one] = record.recordings
  const kept = {
    session: record.session === session, agent: record.agent === 'li', direction: record.direction === 'agent', reason: record.end_reason === 'admin' && record.ended_by === 'admin',
    media: record.wanted.video && record.media.video, times: record.invited_at <= record.ringing_at && record.ringing_at <= record.accepted_at && record.accepted_at <= record.connected_at && record.connected_at < record.ended_at,
    talk: record.talk_ms > 20_000, ring: record.ring_ms > 0, pair: /^(host|srflx|prflx|relay)\/(host|srflx|prflx|relay)\/(udp|tcp)$/.test(record.ice_pair), rtt: record.avg_rtt_ms >= 0 && record.avg_rtt_ms < 1000, loss: record.avg_loss >= 0 && record.avg_loss < 0.2,
    restarts: record.restarts === 0, consent: record.consent === true, recording: record.recordings.length === 1 && one.side === 'agent' && one.ms > 10_000 && /^[0-9a-f]{64}$/.test(one.sha256) && one.url.startsWith('/media/'),
  }
  const wrong = Object.keys(kept).filter((name) => !kept[name])
  check(wrong.length === 0, `${wrong} of the record: ${JSON.stringify(record)}`)
}
