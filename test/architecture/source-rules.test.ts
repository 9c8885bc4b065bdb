import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { packageRoot } from '../../shared/package-root.ts'

const PLANTED: readonly (readonly [rule: string, path: string, text: string])[] = [
  ['noRestrictedGlobals', 'issuer/dated.ts', 'export const at: number = Date.now()'],
  ['noRestrictedGlobals', 'verifier/fetched.ts', `export const r: unknown = fetch('x')`],
  ['noProcessEnv', 'issuer/environment.ts', 'export const e: unknown = process.env.HOME'],
  ['noConsole', 'shared/talks.ts', `console.log('x')`],
  ['noExplicitAny', 'shared/anything.ts', 'export const x: any = 1'],
  ['noDefaultExport', 'shared/default.ts', 'export default 1'],
  ['noEnum', 'shared/colour.ts', 'export enum Colour {\n  Red = 1,\n}'],
  ['noBarrelFile', 'shared/barrel.ts', `export * from './honest.ts'`],
  ['useFilenamingConvention', 'shared/camelCase.ts', 'export const one = 1'],
  [
    'noFloatingPromises',
    'shared/floating.ts',
    'async function one(): Promise<number> {\n  return 1\n}\none()',
  ],
  ['plugin', 'issuer/chance.ts', 'export const n: number = Math.random()'],
]

interface Report {
  diagnostics: { category: string; location: { path: { file: string } | string } }[]
}

describe('the source rules', function () {
  this.timeout(60_000)
  let found: readonly string[] = []

  before(() => {
    const tree = mkdtempSync(join(tmpdir(), 'carnet-planted-'))
    try {
      symlinkSync(join(packageRoot, 'node_modules'), join(tree, 'node_modules'))
      for (const name of ['biome.json', 'no-math-random.grit', 'package.json', '.gitignore']) {
        copyFileSync(join(packageRoot, name), join(tree, name))
      }
      const files = [...PLANTED, ['', 'shared/honest.ts', 'export const one = 1'] as const]
      for (const [, path, text] of files) {
        mkdirSync(dirname(join(tree, path)), { recursive: true })
        writeFileSync(join(tree, path), `${text}\n`)
      }
      const { stdout } = spawnSync(
        join(packageRoot, 'node_modules/.bin/biome'),
        ['lint', '.', '--vcs-enabled=false', '--reporter=json', '--max-diagnostics=none'],
        { cwd: tree, encoding: 'utf8' },
      )
      const { diagnostics } = JSON.parse(stdout) as Report
      found = diagnostics.map(({ category, location: { path } }) => {
        const file = typeof path === 'string' ? path : path.file
        return `${category} ${file}`
      })
    } finally {
      rmSync(tree, { recursive: true })
    }
  })

  for (const [rule, path] of PLANTED) {
    it(`${rule} fires for ${path}`, () => {
      const fired = found.some((line) => line.includes(rule) && line.endsWith(path))
      expect(fired, found.join('\n')).to.equal(true)
    })
  }

  it('let an honest file pass', () => {
    expect(found.filter((line) => line.endsWith('shared/honest.ts'))).to.deep.equal([])
  })
})
