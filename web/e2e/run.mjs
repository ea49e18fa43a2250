// Browser tests against `yizhan demo`: a running one, or (with YIZHAN_BIN and without --base) one of their own:
//   npm run e2e -- --base http://127.0.0.1:8080 [--only cut] [--screenshot ../docs/screenshot.png] [--tenant demo --login li --password … --login2 wang] [--account demo.site] [--headed true]
// E2E_SHOTS=folder keeps a picture of every page of a failed case.
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import * as call from './call.mjs'
import * as callcut from './callcut.mjs'
import * as calldenied from './calldenied.mjs'
import * as callends from './callends.mjs'
import * as callglare from './callglare.mjs'
import * as calllink from './calllink.mjs'
import * as callnodes from './callnodes.mjs'
import * as callorder from './callorder.mjs'
import * as callqueue from './callqueue.mjs'
import * as callrecord from './callrecord.mjs'
import * as callrelay from './callrelay.mjs'
import * as calltransfer from './calltransfer.mjs'
import * as conversation from './conversation.mjs'
import * as cut from './cut.mjs'
import * as desk from './desk.mjs'
import * as ime from './ime.mjs'
import * as policy from './policy.mjs'
import { demo } from './demo.mjs'
import * as faq from './faq.mjs'
import * as faqmany from './faqmany.mjs'
import * as robot from './robot.mjs'
import * as screenshot from './screenshot.mjs'
import { openStage, tidy } from './stage.mjs'
import * as widget from './widget.mjs'
import * as xss from './xss.mjs'

const CASES = { policy, conversation, cut, ime, desk, widget, robot, faq, faqmany, xss, call, calldenied, callends, callglare, callcut, calllink, callrecord, calltransfer, callorder, callqueue, callrelay, callnodes, screenshot }
const CASE_MS = 240_000

function options(argv) {
  const found = { base: '', tenant: 'demo', login: 'li', password: 'yizhan', login2: 'wang', password2: '', account: 'demo.site', only: '', screenshot: '', headed: '' }
  for (let at = 0; at < argv.length; at += 2) {
    const name = argv[at]?.replace(/^--/, '')
    if (!(name in found) || argv[at + 1] === undefined) {
      console.error(`unknown or incomplete option: ${argv[at]}`)
      process.exit(2)
    }
    found[name] = argv[at + 1]
  }
  found.base = found.base.replace(/\/$/, '')
  if (found.screenshot) found.screenshot = resolve(found.screenshot)
  return found
}

const asked = options(process.argv.slice(2))
const chosen = Object.entries(CASES).filter(([name, one]) => (asked.only ? asked.only.split(',').includes(name) : name !== 'screenshot' && !one.demand) || (name === 'screenshot' && asked.screenshot))
if (chosen.length === 0) {
  console.error(`no case is called ${asked.only}; there are ${Object.keys(CASES).join(', ')}`)
  process.exit(2)
}

// Most cases are about people: their demo has no robot. One that is about machines says so, and has another demo.
// A few bring a gateway of their own, with other settings; against a running one they are left out.
const given = asked.base || (process.env.YIZHAN_BIN ? '' : 'http://127.0.0.1:8080')
const own = new Map()
async function baseFor(name, { machines = false, gateway }) {
  if (given) return given
  if (gateway) {
    own.set(name, await gateway(process.env.YIZHAN_BIN))
    return own.get(name).base
  }
  if (!own.has(machines)) own.set(machines, await demo(process.env.YIZHAN_BIN, machines ? [] : ['--no-robot']))
  return own.get(machines).base
}
let failed = 0
for (const [name, one] of chosen) {
  if (given && one.gateway) {
    console.log(`--    ${name}: needs a gateway of its own (YIZHAN_BIN, without --base)`)
    continue
  }
  asked.base = await baseFor(name, one)
  const stage = await openStage({ ...asked, media: one.media })
  const began = Date.now()
  let timer
  try {
    const late = new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`took longer than ${CASE_MS / 1000} s`)), CASE_MS)
    })
    await Promise.race([one.run(stage), late])
    if (stage.troubles.length) throw new Error(`the pages complained:\n    ${stage.troubles.slice(0, 10).join('\n    ')}`)
    console.log(`ok    ${name}: ${one.title} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
  } catch (error) {
    failed += 1
    console.log(`FAIL  ${name}: ${one.title}\n    ${error.stack ?? error}`)
    for (const trouble of stage.troubles.slice(0, 10)) console.log(`    ${trouble}`)
    const shots = process.env.E2E_SHOTS ?? ''
    if (shots) mkdirSync(shots, { recursive: true })
    for (const [n, context] of stage.browser.contexts().entries())
      for (const page of context.pages()) if (shots) await page.screenshot({ path: `${shots}/${name}-${n}.png` }).catch(() => undefined)
    await tidy(stage).catch((trouble) => console.log(`    not tidied: ${trouble.message.split('\n')[0]}`))
  } finally {
    clearTimeout(timer)
    await stage.close()
  }
}
for (const demo of own.values()) await demo.stop()
console.log(failed ? `${failed} of ${chosen.length} failed` : `all ${chosen.length} passed`)
process.exit(failed ? 1 : 0)
