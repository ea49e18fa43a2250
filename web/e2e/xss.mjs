// Hostile text as message, place, link, file name and nickname stays text on every face.
import { readFileSync } from 'node:fs'
import { acceptOffer, agentSays, bubble, check, endTalk, id, openDesk, openPage, openPhone, openVisitor, phoneActs, phoneSays, phoneShows, until } from './stage.mjs'

export const title = 'the corpus of hostile texts is inert as message, place, link, file name and nickname'

const corpus = JSON.parse(readFileSync(new URL('./xss.json', import.meta.url), 'utf8'))
/** Control characters may be dropped on the way, white space may be folded. */
// eslint-disable-next-line no-control-regex
const plain = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd\s]+/g, '')

export async function run(stage) {
  check(corpus.length >= 120, `only ${corpus.length} payloads`)
  const desk = await openDesk(stage)
  const phone = await openPhone(stage, { nickname: '<img src=x onerror=window.__xss=1>' })
  const openid = await phone.openid()
  await phoneSays(phone, '转人工')
  await acceptOffer(desk)

  for (const [at, payload] of corpus.entries()) {
    await phoneActs(stage, openid, 'text', { content: payload })
    if (at % 3 === 0) await phoneActs(stage, openid, 'location', { lat: 39.9, lon: 116.4, label: payload })
    if (at % 3 === 1) await phoneActs(stage, openid, 'link', { title: payload, desc: payload, url: payload })
    if (at % 3 === 2) await phoneActs(stage, openid, 'raw', { fields: { MsgType: 'file', Title: payload, Description: payload, FileKey: 'k', FileMd5: 'd', FileTotalLen: '10' } })
  }
  await phoneSays(phone, '以上是全部')
  await bubble(desk, '以上是全部').first().waitFor({ timeout: 120_000 })

  const shown = plain((await desk.page.locator(`${id('log')} ${id('message')}[data-role="contact"][data-type="text"]`).allInnerTexts()).join('\n'))
  const missing = corpus.filter((payload) => !shown.includes(plain(payload)))
  check(missing.length === 0, `not shown as they are: ${JSON.stringify(missing.slice(0, 3))} and ${missing.length} in all`)
  for (const type of ['location', 'link', 'file']) check((await desk.page.locator(`${id('log')} ${id('message')}[data-type="${type}"]`).count()) >= Math.floor(corpus.length / 3), `too few of type ${type}`)
  await inert(desk.page, 'console')

  for (const payload of corpus.slice(0, 3)) {
    await agentSays(desk, payload)
    await phoneShows(phone, payload)
  }
  await inert(phone.page, 'phone')
  await endTalk(desk)
  await nicknames(stage, desk)
  await widget(stage, desk)
  await Promise.all([phone.context.close(), desk.context.close()])
}

/** Visitors may bring a name; each shows on the offer, in the list and in the head of the thread. */
async function nicknames(stage, desk) {
  for (const name of corpus.filter((payload) => payload.length <= 60).slice(0, 8)) {
    const visitor = await openVisitor(stage, name)
    await visitor.ask('handoff', {})
    await acceptOffer(desk)
    const head = plain(await desk.page.locator(id('thread-name')).innerText())
    check(head.length > 0, `an empty name for ${JSON.stringify(name)}`)
    await inert(desk.page, 'console')
    await endTalk(desk)
    visitor.close()
  }
}

/** The other direction: an agent's hostile words in the widget. */
async function widget(stage, desk) {
  const site = await openPage(stage, 'site', { path: '/site/', width: 1100, height: 800 })
  const frame = site.page.frameLocator('iframe')
  await frame.locator(id('launch')).click()
  await frame.locator(id('widget-text')).fill('转人工')
  await frame.locator(id('widget-text')).press('Enter')
  await acceptOffer(desk)
  for (const payload of corpus.slice(0, 40)) {
    await agentSays(desk, payload)
  }
  const last = plain(corpus[39])
  await until('the last one in the widget', async () => plain((await frame.locator(id('widget-message')).allInnerTexts()).join('')).includes(last))
  for (const inner of site.page.frames()) await inert(inner, 'widget')
  await endTalk(desk)
  await site.context.close()
}

/** Nothing ran, nothing was added to the page that its own code did not make. */
async function inert(page, who) {
  const found = await page.evaluate(() => {
    const wrong = []
    if (window.__xss) wrong.push('a payload ran')
    for (const element of document.querySelectorAll('*')) {
      const name = element.localName
      if (['object', 'embed', 'applet', 'frame', 'frameset', 'base', 'marquee', 'math', 'template', 'keygen', 'isindex', 'plaintext', 'xmp', 'custom-element', 'x', 'image', 'body>body', 'animate', 'set', 'use', 'foreignobject', 'track', 'meter', 'details', 'summary', 'table'].includes(name)) wrong.push(`<${name}>`)
      if (name === 'script' && !element.src) wrong.push('inline script')
      if (name === 'iframe' && !element.src.includes('/widget/')) wrong.push('foreign iframe')
      for (const { name: key, value } of element.attributes) {
        if (key.startsWith('on')) wrong.push(`<${name} ${key}>`)
        if (['href', 'src', 'action', 'formaction', 'data', 'srcdoc', 'background', 'poster', 'xlink:href'].includes(key) && !/^(https?:|mailto:|tel:|blob:|data:image\/|\/|\.\/|#|$)/.test(value)) wrong.push(`<${name} ${key}="${value.slice(0, 40)}">`)
      }
      if (name === 'a' && element.target === '_blank' && !element.rel.includes('noopener')) wrong.push('a link without noopener')
    }
    return wrong
  })
  check(found.length === 0, `${who}: ${[...new Set(found)].join(', ')}`)
}
