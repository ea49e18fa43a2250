// Builds every face into dist/. Each face has its own base path, so each is its own Vite build.
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { build } from 'vite'

const here = dirname(fileURLToPath(import.meta.url))
const dist = resolve(here, 'dist')
const only = process.argv.slice(2)

const faces = [
  { name: 'console', base: '/console/' },
  { name: 'widget', base: '/widget/' },
  { name: 'call', base: '/call/' },
  { name: 'phone', base: '/simulator/phone/' },
]

// The pages run under `require-trusted-types-for 'script'`: no static markup through innerHTML, no inline preload script.
const vuePlugin = () => vue({ template: { compilerOptions: { hoistStatic: false } } })

const define = { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' }

const wanted = (name) => only.length === 0 || only.includes(name)

if (only.length === 0) await rm(dist, { recursive: true, force: true })

for (const face of faces.filter((face) => wanted(face.name))) {
  await build({
    configFile: false,
    logLevel: 'warn',
    root: resolve(here, 'src', face.name),
    base: face.base,
    plugins: [vuePlugin()],
    define,
    build: {
      outDir: resolve(dist, face.name),
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  })
}

if (wanted('loader')) {
  await build({
    configFile: false,
    logLevel: 'warn',
    root: resolve(here, 'src', 'widget'),
    publicDir: false,
    build: {
      outDir: dist,
      emptyOutDir: false,
      target: 'es2020',
      lib: { entry: resolve(here, 'src/widget/loader.ts'), formats: ['iife'], name: 'yizhanWidgetLoader', fileName: () => 'widget.js' },
    },
  })
}

if (wanted('site')) {
  await mkdir(resolve(dist, 'site'), { recursive: true })
  await copyFile(resolve(here, 'src/landing/index.html'), resolve(dist, 'index.html'))
  for (const [from, to] of [
    ['landing/landing.css', 'site/landing.css'],
    ['site/index.html', 'site/index.html'],
    ['site/site.css', 'site/site.css'],
    ['ui/favicon.svg', 'site/favicon.svg'],
  ]) await copyFile(resolve(here, 'src', from), resolve(dist, to))
}
