import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const folder = (path) => fileURLToPath(new URL(path, import.meta.url))

/** Every page with its place below the listener that serves it. Names of files carry the digest of what is in them. */
const PAGES = [{ root: 'operator', base: '/operator/' }]

for (const { root, base } of PAGES) {
  await build({
    configFile: false,
    root: folder(root),
    base,
    publicDir: false,
    logLevel: 'warn',
    // The policy of the pages runs no script and takes no style that stands in the page itself.
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'inline' },
    build: {
      outDir: folder(`../dist/browser/${root}`),
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      modulePreload: false,
      cssCodeSplit: false,
      reportCompressedSize: false,
    },
  })
}
