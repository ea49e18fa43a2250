// An agent calls a visitor by video, both see each other, everything on the panel works, and it ends with a line in the conversation.
import { cleared, endBoth, flows, flowsBoth, line, over, talk, talking, together } from './calling.mjs'
import { check, id, until } from './stage.mjs'

export const title = 'a video call with everything on its panel'
export const media = true

export async function run(stage) {
  const pair = await together(stage)
  const { agent, guest } = pair

  // 39: invited, accepted, both decode frames.
  await talk(pair)
  await flowsBoth(pair)
  await line(pair, '视频通话已接通')
  await until('the time to run', async () => /0:0[2-9]/.test(await agent.locator(id('call-time')).innerText()))
  check((await agent.locator(id('call-quality')).innerText()).includes('网络'), 'the network is not described in words')
  check(await guest.locator('.call-here').evaluate((video) => video.videoWidth > 0), 'the customer does not see themselves')
  if (process.env.E2E_SHOTS) {
    await agent.screenshot({ path: `${process.env.E2E_SHOTS}/call-desk.png` })
    await pair.site.page.screenshot({ path: `${process.env.E2E_SHOTS}/call-widget.png` })
  }

  // Muted and back; the other side is told.
  await agent.click(id('call-mute'))
  await guest.locator(id('call-status')).filter({ hasText: '对方已静音' }).waitFor()
  check(!(await agent.evaluate(() => window.__pcs.at(-1).getSenders().find((one) => one.track?.kind === 'audio').track.enabled)), 'muted, and still sending')
  await agent.click(id('call-mute'))
  await guest.locator(id('call-status')).filter({ hasText: '对方已静音' }).waitFor({ state: 'detached' })
  await guest.locator(id('call-camera')).click()
  await agent.locator(id('call-status')).filter({ hasText: '关闭摄像头' }).waitFor()
  await guest.locator(id('call-camera')).click()
  await agent.locator(`${id('call-view')}[data-seeing="true"]`).waitFor()

  // Held: nothing flows; resumed: it flows again.
  await agent.click(id('call-hold'))
  await guest.locator(id('call-status')).filter({ hasText: '请稍候' }).waitFor()
  await until('both to be inactive', () => agent.evaluate(() => window.__pcs.at(-1).getTransceivers().every((one) => one.currentDirection === 'inactive')))
  await agent.click(id('call-hold'))
  await talking(pair)
  await flowsBoth(pair)

  // Another camera in the middle of it.
  await agent.click(id('call-devices'))
  const cameras = agent.locator(`${id('device-videoinput')} option`)
  await until('two cameras to choose from', async () => (await cameras.count()) > 1)
  const before = await camera(agent)
  const used = await agent.locator(id('device-videoinput')).inputValue()
  const other = await cameras.last().getAttribute('value')
  check(other !== used, 'the last camera is in use already')
  await agent.locator(id('device-videoinput')).selectOption(other)
  const after = await until('another picture to be sent', async () => {
    const now = await camera(agent)
    return now?.id !== before.id && now
  })
  check(after.device === other && before.device === used, `the camera went from ${JSON.stringify(before)} to ${JSON.stringify(after)}`)
  await agent.locator(id('device-videoinput')).press('Escape')
  await flows(guest, 'the customer')

  // The screen instead of the camera, and back.
  await agent.click(id('call-share'))
  await guest.locator(id('call-status')).filter({ hasText: '共享屏幕' }).waitFor()
  await flows(guest, 'the customer')
  await agent.click(id('call-share'))
  await guest.locator(id('call-status')).filter({ hasText: '共享屏幕' }).waitFor({ state: 'detached' })
  await flowsBoth(pair)

  // To audio without asking, and with consent back to video.
  await agent.click(id('call-downgrade'))
  await guest.locator(id('call-upgrade')).waitFor()
  await flowsBoth(pair, { video: false })

  await agent.click(id('call-hangup'))
  await over(pair, 'hangup_agent')
  // Few stars are asked about, and the end waits for the answer; the agent has an opinion as well.
  await agent.locator(id('rate-2')).click()
  await agent.locator(id('problem-echo')).click()
  await agent.locator(id('rate-send')).click()
  await agent.locator(id('call-over')).filter({ hasText: '感谢' }).waitFor()
  await guest.locator(id('rate-5')).click()
  await guest.locator(id('call-over')).filter({ hasText: '感谢' }).waitFor()
  await line(pair, '通话结束')
  await cleared(pair)
  check(await agent.evaluate(() => window.__pcs.every((pc) => pc.connectionState === 'closed')), 'a connection was left open')
  await endBoth(pair)
  await pair.close()
}

/** The picture that a frame sends now, and the camera that it comes from. */
function camera(frame) {
  return frame.evaluate(() => {
    const track = window.__pcs.at(-1).getSenders().find((one) => one.track?.kind === 'video')?.track
    return track && { id: track.id, device: track.getSettings().deviceId }
  })
}
