// A customer asks for a video call before anybody serves them: the wish is queued, routed to an agent who can be called, and the call is there without ringing.
import { cleared, flowsBoth, line, over, talking, watched } from './calling.mjs'
import { demo, withCall } from './demo.mjs'
import { acceptOffer, check, endTalk, id, openDesk, openPage, openVisitor } from './stage.mjs'

export const title = 'a wish for video is routed by itself, chats make room for it, and nothing is recorded where the tenant forbids it'
export const media = true

const VIDEO_QUEUE = `
[[queue]]
id = "video"
name = "视频专席"
max_len = 10
max_wait_s = 300
media = "video"

[[agent]]
id = "li"`

export function gateway(program) {
  return demo(program, ['--no-robot'], (text) => withCall({ chats_in_call: '1', record: '"none"' })(text).replace('\n[[agent]]\nid = "li"', VIDEO_QUEUE).replace('queues = ["service"]', 'queues = ["service", "video"]'))
}

export async function run(stage) {
  const desk = await openDesk(stage, { before: watched })
  const site = await openPage(stage, 'site', { path: `/widget/?account=${stage.account}&lang=zh`, width: 440, height: 760, before: watched })
  const pair = { agent: desk.page, guest: site.page.mainFrame(), desk }

  // 46
  await pair.guest.locator(id('call-video')).click()
  await pair.guest.locator(id('queue')).or(pair.guest.locator(id('call'))).first().waitFor()
  await acceptOffer(desk)
  await talking(pair)
  await flowsBoth(pair)
  await line(pair, '视频通话已接通')
  await desk.page.locator(id('call-hold')).waitFor()
  check((await desk.page.locator(id('call-record')).count()) === 0, 'recording is offered although the tenant has none')

  // While they talk, nothing else is offered; afterwards it is.
  const other = await openVisitor(stage, '周子涵')
  await other.says('转人工')
  await other.ask('handoff', {}).catch(() => undefined)
  await flowsBoth(pair)
  check((await desk.page.locator(id('offer')).count()) === 0, 'an agent who talks is offered another chat')
  await desk.page.click(id('call-hangup'))
  await over(pair, 'hangup_agent')
  await cleared(pair)
  await desk.page.locator(id('offer')).waitFor()
  await acceptOffer(desk)
  await endTalk(desk)
  other.close()
  await desk.page.locator(id('talk')).first().click()
  await endTalk(desk)
  await Promise.all([site.context.close(), desk.context.close()])
}
