// The stage for the browser tests: one Chromium, pages that report what they must not do, and the gestures of the players.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import WebSocket from 'ws'

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
/** Cameras and a microphone that are not there. Chromium's second camera gives depth, which nobody encodes: the third is the other one. */
const MEDIA = ['--use-fake-device-for-media-stream=device-count=3', '--autoplay-policy=no-user-gesture-required', '--auto-select-desktop-capture-source=Entire screen', '--disable-dev-shm-usage']
/** A person who allows everything; a case with `media = 'asks'` has one who allows what the case does. */
const YES = ['--use-fake-ui-for-media-stream']
const NO = ['--deny-permission-prompts']
const BROWSERS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** How long a condition may take on a machine that is busy with something else. */
const PATIENCE_MS = 30_000

export class Failure extends Error {}

export function check(condition, message) {
  if (!condition) throw new Failure(message)
}

/** Asks until the answer is true, or the deadline has passed. */
export async function until(what, ask, ms = PATIENCE_MS) {
  const deadline = Date.now() + ms
  let last
  for (;;) {
    last = await ask()
    if (last) return last
    if (Date.now() > deadline) throw new Failure(`in vain for ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
}

export async function openStage(options) {
  const executablePath = BROWSERS.find((path) => path && existsSync(path))
  check(executablePath, 'no Chromium: install the Debian package "chromium" or set CHROMIUM')
  const browser = await chromium.launch({ executablePath, args: options.media ? [...FLAGS, ...MEDIA, ...(options.media === 'asks' ? NO : YES)] : FLAGS, headless: !options.headed })
  const stage = { ...options, browser, troubles: [], seen: [], desks: [], dir: mkdtempSync(join(tmpdir(), 'yizhan-e2e-')), serial: 0 }
  stage.close = async () => {
    await browser.close()
    rmSync(stage.dir, { recursive: true, force: true })
  }
  return stage
}

/** A fresh browser profile with one page. Everything it must not do ends up in `stage.troubles`. */
export async function openPage(stage, who, { width = 1280, height = 800, path, expectOffline = () => false, before, ...rest } = {}) {
  const context = await stage.browser.newContext({ viewport: { width, height }, locale: 'zh-CN', ...rest })
  const trouble = (kind, text) => (stage.expected?.test(text) ? stage.seen.push(text) : stage.troubles.push(`${who}: ${kind}: ${text}`))
  await context.exposeBinding('__violation', (_source, text) => trouble('content security policy', text))
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => window.__violation(`${event.effectiveDirective} blocked ${event.blockedURI} ${event.sample}`))
  })
  await before?.(context)
  const page = await context.newPage()
  page.on('dialog', (dialog) => {
    trouble('dialog', dialog.message())
    void dialog.dismiss()
  })
  page.on('pageerror', (error) => trouble('error', error.message))
  page.on('console', (message) => {
    if (message.type() !== 'error') return
    const text = message.text()
    if (/ERR_INTERNET_DISCONNECTED|WebSocket connection/.test(text) && expectOffline()) return
    trouble('console', `${text} ${message.location().url ?? ''}`)
  })
  page.setDefaultTimeout(PATIENCE_MS)
  if (path) {
    const response = await page.goto(stage.base + path)
    check(response.ok(), `${path} answered ${response.status()}`)
    const policy = response.headers()['content-security-policy'] ?? ''
    check(policy.includes("default-src 'none'") && policy.includes("require-trusted-types-for 'script'"), `${path} has no strict policy: ${policy}`)
  }
  return { page, context, who }
}

export const id = (name) => `[data-testid="${name}"]`
export const unique = (stage, text) => `${text} #${process.pid % 1000}-${++stage.serial}`

// --- the customer on the phone -----------------------------------------------------------------------------------------
export async function openPhone(stage, { nickname = '陈静', ...rest } = {}) {
  const phone = await openPage(stage, 'phone', { width: 1000, height: 880, path: `/simulator/phone/?nickname=${encodeURIComponent(nickname)}`, ...rest })
  const { page } = phone
  await page.waitForSelector(`${id('account')}, ${id('follow')}`)
  if (await page.locator(id('account')).count()) await page.locator(id('account')).first().click()
  await page.click(id('follow'))
  await page.waitForSelector(id('phone-log'))
  return Object.assign(phone, { nickname, openid: async () => page.evaluate(() => Object.entries(localStorage).find(([key]) => key.startsWith('yz.phone.wx'))?.[1]) })
}

export async function phoneSays(phone, text) {
  const { page } = phone
  if (await page.locator(id('to-text')).count()) await page.click(id('to-text'))
  await page.fill(id('phone-text'), text)
  await page.press(id('phone-text'), 'Enter')
  await phoneShows(phone, text, 'me')
}

export const phoneShows = (phone, text, from = 'account') => phone.page.locator(`${id('phone-message')}[data-from="${from}"]`).filter({ hasText: text }).first().waitFor()
export const phoneCount = (phone, text, from = 'account') => phone.page.locator(`${id('phone-message')}[data-from="${from}"]`).filter({ hasText: text }).count()

/** Something that the phone's page cannot express is said to the simulator directly. */
export async function phoneActs(stage, openid, act, body) {
  const response = await fetch(`${stage.base}/simulator/api/phone/${openid}/${act}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  check(response.ok, `the simulator refused ${act}: ${response.status} ${await response.text()}`)
}

/** Plays while the simulated platform goes wrong by a rule. */
export async function withFault(stage, rule, play) {
  const faults = `${stage.base}/simulator/api/faults`
  const response = await fetch(faults, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ rules: [rule] }) })
  check(response.ok, `the simulator refused a fault: ${response.status} ${await response.text()}`)
  try {
    await play()
  } finally {
    await fetch(faults, { method: 'DELETE' })
  }
}

// --- the visitor of a site ---------------------------------------------------------------------------------------------
/** A visitor without a page: takes a ticket with a name and opens a conversation. */
export async function openVisitor(stage, name) {
  const response = await fetch(`${stage.base}/api/v1/visitor/ticket`, { method: 'POST', headers: { 'Content-Type': 'application/json', Origin: stage.base }, body: JSON.stringify({ account: stage.account, name }) })
  check(response.ok, `no ticket for ${JSON.stringify(name)}: ${response.status}`)
  const { ticket } = await response.json()
  const socket = new WebSocket(`${stage.base.replace('http', 'ws')}/ws/visitor`, 'yizhan.v1.json', { origin: stage.base })
  const answers = new Map()
  let next = 1
  const ask = (op, d) => new Promise((resolve, reject) => {
    const number = next++
    answers.set(number, { resolve, reject })
    socket.send(JSON.stringify({ id: number, op, d }))
  })
  await new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data))
      if (frame.op === 'hello') resolve()
      const waiting = answers.get(frame.id)
      if (frame.err) waiting?.reject(new Error(`${frame.err.code}: ${frame.err.msg}`))
      else waiting?.resolve(frame.ok)
    })
  })
  await ask('auth', { ticket, device: `e2e${process.pid}${stage.serial++}`, app: 'e2e' })
  const { conv } = await ask('open', {})
  const says = (text) => ask('send', { conv: conv.conv, cid: `c${process.pid}${stage.serial++}`, type: 'text', body: { text } })
  return { ask, says, close: () => socket.close() }
}

// --- the agent at the desk ---------------------------------------------------------------------------------------------
export async function openDesk(stage, { status = 'ready', ...rest } = {}) {
  const desk = await openPage(stage, 'console', { path: '/console/', ...rest })
  const { page } = desk
  await page.fill('input[name=tenant]', stage.tenant)
  await page.fill('input[name=login]', stage.login)
  await page.fill('input[name=password]', stage.password)
  await page.click('button[type=submit]')
  await page.waitForSelector(id('presence'))
  stage.desks.push(desk)
  await setStatus(desk, status)
  return desk
}

export async function setStatus({ page }, status) {
  await page.click(id('presence'))
  await page.click(id(`presence-${status}`))
  await page.waitForSelector(`${id('presence')}[data-status="${status}"]`)
}

export async function acceptOffer({ page }, name) {
  const offers = page.locator(id('offer'))
  const offer = name ? offers.filter({ hasText: name }) : offers
  await offer.first().waitFor()
  await offer.first().locator(id('accept')).click()
  await page.waitForSelector(`${id('composer')}:not([disabled])`)
}

export async function agentSays({ page }, text) {
  await page.fill(id('composer'), text)
  await page.press(id('composer'), 'Enter')
  await bubble({ page }, text).first().waitFor()
}

export const bubble = ({ page }, text) => page.locator(`${id('log')} ${id('message')}`).filter({ hasText: text })

export async function delivered({ page }, text, state = 'delivered') {
  await bubble({ page }, text).and(page.locator(`[data-state="${state}"]`)).first().waitFor()
}

export async function endTalk({ page }) {
  if (!(await page.locator(id('end')).count())) return
  await page.click(id('end'))
  await page.click(id('confirm-end'))
  await page.click(id('wrapup-done'))
  await page.waitForSelector(id('wrapup'), { state: 'detached' })
}

/** After a failure: what the desks still hold is ended, so that the next case starts from nothing. */
export async function tidy(stage) {
  for (const desk of stage.desks) {
    if (desk.page.isClosed()) continue
    await desk.context.setOffline(false)
    for (let n = 0; n < 5; n += 1) {
      if (await desk.page.locator(id('accept')).count()) await desk.page.locator(id('accept')).first().click()
      const talk = desk.page.locator(id('talk')).first()
      if (!(await talk.count())) break
      await talk.click()
      await endTalk(desk)
    }
  }
}

/** A picture with something on it, drawn by the browser itself. */
export function picture(stage, title, colour) {
  return drawn(
    stage,
    `<body style="margin:0;font:16px sans-serif;background:${colour};color:#fff;display:grid;place-content:center;height:300px"><div style="background:rgba(0,0,0,.28);padding:26px 34px;border-radius:16px"><h2 style="margin:0 0 10px">${title}</h2><p style="margin:4px 0">2026-11-20 &nbsp; ¥ 1,280.00</p><p style="margin:4px 0;opacity:.75">6228 •••• 0123</p></div></body>`,
    { width: 420, height: 300 },
  )
}

export async function drawn(stage, html, viewport) {
  const page = await stage.browser.newPage({ viewport, deviceScaleFactor: 2 })
  await page.setContent(html)
  const path = join(stage.dir, `${++stage.serial}.png`)
  await page.screenshot({ path })
  await page.close()
  return path
}

export async function shown(locator) {
  await until('the picture to be decoded', () => locator.evaluate((img) => img.complete && img.naturalWidth > 0))
}
