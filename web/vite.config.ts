import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [svelte()],
  build: { target: 'es2022', modulePreload: { polyfill: false } },
  // `script/server` starts the engine beside it.
  server: { proxy: { '/v1': { target: 'http://localhost:8080', ws: true }, '/demo': 'http://localhost:8080' } },
})
