import { spawnSync } from 'node:child_process'
import { expect } from 'chai'

interface Cruise {
  summary: {
    totalCruised: number
    violations: { rule: { name: string }; from: string; to: string }[]
  }
}

describe('the dependency rule', () => {
  it('holds in every source file', () => {
    const cli = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'
    const roots = ['shared', 'issuer', 'verifier', 'wallet-cli', 'demo', 'bench', 'test']
    const { stdout } = spawnSync(process.execPath, [cli, '--output-type', 'json', ...roots], {
      encoding: 'utf8',
    })
    const { summary } = JSON.parse(stdout) as Cruise
    expect(summary.violations.map((v) => `${v.rule.name}: ${v.from} -> ${v.to}`)).to.deep.equal([])
    expect(summary.totalCruised).to.be.greaterThan(10) // a tool that reads nothing finds nothing
  }).timeout(30_000)
})
