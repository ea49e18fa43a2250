import { createApp } from 'vue'
import './widget.css'
import '../ui/call/call.css'
import App from './App.vue'
import { i18n } from './texts'

i18n.set(i18n.lang.value)
createApp(App).mount('#app')
