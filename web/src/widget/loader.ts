/** The one script that a site includes: `<script src="…/widget.js" data-account="tenant.account" defer></script>`. Makes an iframe; leaves no global. */

const BUBBLE = 84
const script = document.currentScript as HTMLScriptElement | null
const account = script?.dataset.account

if (script && account && /^[\w-]+\.[\w-]+$/.test(account)) start(script, account)

function start(own: HTMLScriptElement, key: string): void {
  const home = new URL(own.src, window.location.href)
  const lang = own.dataset.lang ?? document.documentElement.lang ?? ''
  const side = own.dataset.side === 'left' ? 'left' : 'right'
  const source = new URL('widget/', new URL('./', home))
  source.search = new URLSearchParams({
    account: key, lang, side, parent: window.location.origin, page: window.location.href.slice(0, 500), referrer: document.referrer.slice(0, 500),
    ...(own.dataset.colour && { colour: own.dataset.colour }), ...(own.dataset.open === 'true' && { open: '1' }),
  }).toString()

  const frame = document.createElement('iframe')
  frame.title = /^en/i.test(lang) ? 'Customer service chat' : '在线客服'
  frame.src = source.href
  frame.allow = 'clipboard-write; camera; microphone; display-capture; autoplay'
  frame.referrerPolicy = 'origin'
  const { style } = frame
  Object.assign(style, { position: 'fixed', bottom: '12px', left: 'auto', right: 'auto', zIndex: '2147483000', border: '0', width: `${BUBBLE}px`, height: `${BUBBLE}px`, background: 'transparent', colorScheme: 'light', maxWidth: '100vw', maxHeight: '100vh' })
  style[side] = '12px'

  let open = false
  const fit = () => {
    const small = window.innerWidth < 520
    const size = !open ? [`${BUBBLE}px`, `${BUBBLE}px`] : small ? ['100vw', '100dvh'] : ['400px', 'min(680px, calc(100vh - 24px))']
    style.width = size[0] ?? ''
    style.height = size[1] ?? ''
    style.bottom = open && small ? '0' : '12px'
    style[side] = open && small ? '0' : '12px'
  }
  window.addEventListener('message', (event: MessageEvent) => {
    if (event.origin !== home.origin || event.source !== frame.contentWindow) return
    const data = event.data as { yizhan?: unknown; open?: unknown } | null
    if (data?.yizhan !== 'size') return
    open = data.open === true
    fit()
  })
  window.addEventListener('resize', fit)
  const place = () => document.body.append(frame)
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', place)
  else place()
}
