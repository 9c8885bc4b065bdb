import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { packageRoot } from '../../shared/package-root.ts'
import { cruise } from './cruise.ts'

const ROOTS = [
  'shared',
  'issuer',
  'verifier',
  'wallet-cli',
  'client',
  'examples',
  'pages',
  'demo',
  'bench',
  'evaluation',
  'test',
]

/** Files of a tree that breaks rules: path and what it imports. */
const TREE: Record<string, string | undefined> = {
  'issuer/sideways.ts': '../verifier/anything.ts',
  'shared/upwards.ts': '../issuer/anything.ts',
  'shared/circle.ts': './circle-back.ts',
  'shared/circle-back.ts': './circle.ts',
  'issuer/chooses.ts': './store.sqlite.ts',
  'issuer/mixes.sqlite.ts': './model.onnx.ts',
  'issuer/calls.ts': './endpoint.http.ts',
  'issuer/decision/reads.ts': 'node:fs',
  'issuer/picture.ts': 'sharp',
  'verifier/counts.ts': 'prom-client',
  'shared/develops.ts': 'chai',
  'verifier/policy/serves.ts': 'express',
  'shared/sd-jwt/fetches.ts': 'node:https',
  'issuer/random.ts': 'node:crypto',
  'issuer/sql.ts': 'better-sqlite3',
  'issuer/query.ts': 'pg',
  'issuer/model.ts': 'onnxruntime-node',
  'issuer/route.ts': 'express',
  'issuer/token.ts': 'oidc-provider',
  'shared/agent.ts': '@veramo/core',
  'shared/passkey.ts': '@simplewebauthn/server',
  'pages/reaches.ts': '../issuer/anything.ts',
  'pages/takes.ts': '../issuer/operator/view.ts',
  'issuer/operator/view.ts': undefined,
  'issuer/shows.ts': '../pages/anything.ts',
  'pages/anything.ts': undefined,
  'wallet-cli/recognise.ts': '@sphereon/ssi-types',
  'verifier/audit/peeks.ts': '../anything.ts',
  'verifier/searches.ts': '../shared/leads.ts',
  'shared/leads.ts': '../issuer/evidence/face/face-book.ts',
  'issuer/evidence/face/face-book.ts': undefined,
  'issuer/searches.http.ts': './evidence/face/face-book.ts',
  'client/peeks.ts': '../issuer/anything.ts',
  'examples/peeks.ts': '../issuer/anything.ts',
  'demo/tested.ts': '../test/anything.ts',
  'demo/private.ts': '../issuer/anything.ts',
  'shared/nowhere.ts': './is-not-there.ts',
  'issuer/anything.ts': undefined,
  'issuer/endpoint.http.ts': undefined,
  'issuer/model.onnx.ts': undefined,
  'issuer/store.sqlite.ts': undefined,
  'test/anything.ts': undefined,
  'verifier/anything.ts': undefined,
}

const EXPECTED: readonly (readonly [rule: string, from: string])[] = [
  ['never-sideways', 'issuer/sideways.ts'],
  ['the-client-is-for-others', 'client/peeks.ts'],
  ['the-client-is-for-others', 'examples/peeks.ts'],
  ['shared-is-the-bottom', 'shared/upwards.ts'],
  ['no-circular', 'shared/circle-back.ts'],
  ['adapters-are-chosen-in-main', 'issuer/chooses.ts'],
  ['one-technology-per-adapter', 'issuer/mixes.sqlite.ts'],
  ['http-is-the-edge', 'issuer/calls.ts'],
  ['decisions-are-pure', 'issuer/decision/reads.ts'],
  ['decisions-are-pure', 'verifier/policy/serves.ts'],
  ['proofs-do-no-io', 'shared/sd-jwt/fetches.ts'],
  ['crypto-is-injected', 'issuer/random.ts'],
  ['sqlite-only-in-its-adapters', 'issuer/sql.ts'],
  ['postgres-only-in-its-adapters', 'issuer/query.ts'],
  ['onnx-only-in-its-adapters', 'issuer/model.ts'],
  ['http-only-in-its-adapters', 'issuer/route.ts'],
  ['oidc-only-in-its-adapters', 'issuer/token.ts'],
  ['veramo-only-in-its-adapters', 'shared/agent.ts'],
  ['webauthn-only-in-its-adapters', 'shared/passkey.ts'],
  ['pages-know-programs-by-type', 'pages/reaches.ts'],
  ['pages-take-types-alone', 'pages/takes.ts'],
  ['nobody-imports-pages', 'issuer/shows.ts'],
  ['sphereon-only-in-its-adapters', 'wallet-cli/recognise.ts'],
  ['sharp-only-in-its-adapters', 'issuer/picture.ts'],
  ['prom-client-only-in-metrics', 'verifier/counts.ts'],
  ['no-dev-dependency', 'shared/develops.ts'],
  ['audit-sees-public-artefacts', 'verifier/audit/peeks.ts'],
  ['faces-are-searched-at-the-issuer', 'verifier/searches.ts'],
  ['no-route-searches-faces', 'issuer/searches.http.ts'],
  ['not-to-test', 'demo/tested.ts'],
  ['demo-uses-programs-only', 'demo/private.ts'],
  ['not-unresolvable', 'shared/nowhere.ts'],
]

describe('the dependency rule', function () {
  this.timeout(60_000)

  it('holds in every source file', () => {
    const { modules, violations } = cruise(packageRoot, ROOTS)
    expect(violations).to.deep.equal([])
    expect(modules, 'a tool that reads nothing finds nothing').to.be.greaterThan(300)
  })

  describe('on planted violations', () => {
    let found: readonly string[] = []

    before(() => {
      const tree = mkdtempSync(join(tmpdir(), 'carnet-planted-'))
      try {
        symlinkSync(join(packageRoot, 'node_modules'), join(tree, 'node_modules'))
        writeFileSync(join(tree, 'tsconfig.json'), '{}')
        writeFileSync(join(tree, 'package.json'), readFileSync(join(packageRoot, 'package.json')))
        for (const [path, imported] of Object.entries(TREE)) {
          mkdirSync(dirname(join(tree, path)), { recursive: true })
          const text = imported ? `import '${imported}'\n` : 'export const anything = 1\n'
          writeFileSync(join(tree, path), text)
        }
        found = cruise(
          tree,
          ROOTS.filter((root) => root !== 'bench' && root !== 'evaluation'),
        ).violations
      } finally {
        rmSync(tree, { recursive: true })
      }
    })

    for (const [rule, from] of EXPECTED) {
      it(`${rule} fires for ${from}`, () => {
        expect(found.some((violation) => violation.startsWith(`${rule}: ${from} ->`))).to.equal(
          true,
        )
      })
    }
  })
})
