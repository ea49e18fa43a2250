import { createApp, watchEffect } from 'vue'
import '../ui/tokens.css'
import '../ui/base.css'
import '../ui/call/call.css'
import App from './App.vue'
import { i18n, theme } from './settings'

i18n.set(i18n.lang.value)
watchEffect(() => {
  document.documentElement.dataset.theme = theme.value
})
createApp(App).mount('#app')
