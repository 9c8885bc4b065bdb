import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { packageRoot } from '../../shared/package-root.ts'

/** Where metrics are registered. */
const SOURCES = [
  ...['issuer/metrics.ts', 'issuer/main.ts', 'verifier/metrics.ts', 'verifier/main.ts'],
  ...['shared/webhook/metrics.ts', 'shared/store/metrics.ts'],
  ...['shared/audit/metrics.ts', 'shared/observe/count-failures.ts', 'shared/observe/metrics.ts'],
]

describe('docs/operations.md', () => {
  const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8')
  const registered = new Set(
    SOURCES.flatMap((path) => [...read(path).matchAll(/name: '(carnet_[a-z_]+)'/g)]).map(
      ([, name]) => name,
    ),
  )
  const told = new Set(
    [...read('docs/operations.md').matchAll(/carnet_[a-z]+_[a-z_]+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    ),
  )

  it('names every metric that there is, and none that there is not', () => {
    expect(registered.size).to.be.greaterThan(12)
    expect([...told].sort()).to.deep.equal([...registered].sort())
  })
})
