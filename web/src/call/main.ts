import { createApp } from 'vue'
import '../ui/tokens.css'
import '../ui/base.css'
import '../ui/call/call.css'
import './page.css'
import App from './App.vue'
import { i18n } from './texts'

i18n.set(i18n.lang.value)
const dark = window.matchMedia('(prefers-color-scheme: dark)')
const paint = (): void => {
  document.documentElement.dataset.theme = dark.matches ? 'dark' : 'light'
}
dark.addEventListener('change', paint)
paint()
createApp(App).mount('#app')
