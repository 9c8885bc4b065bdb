import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { BUILT_IN_POLICIES, readPolicies } from '../../verifier/policy-packs.ts'
import { refuses } from '../support/refusal.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const built = readFileSync(join(BUILT_IN_POLICIES, 'gig-identity.json'), 'utf8')

describe('readPolicies', () => {
  const folder = temporaryFolder()
  let count = 0
  after(() => folder.remove())

  /** A folder with these files, and the policies of it over those that come with the program. */
  const read = (files: Record<string, string>) => {
    const own = join(folder.path, String(count++))
    mkdirSync(own)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(own, name), text)
    return readPolicies([BUILT_IN_POLICIES, own])
  }

  it('adds the policies of a folder and leaves other files alone', () => {
    const policies = read({ 'own.json': built.replace('gig-identity', 'own'), 'README.md': '#' })
    expect([...policies.keys()].sort()).to.deep.equal(['gig-identity', 'own'])
  })

  it('uses the higher of two versions, wherever it is', () => {
    const newer = built.replace('"version": 1', '"version": 2')
    expect(read({ 'newer.json': newer }).get('gig-identity')?.version).to.equal(2)
    const older = built.replace('"version": 1', '"version": 3').replace('365', '30')
    const policies = read({ 'a.json': older, 'b.json': newer })
    expect(policies.get('gig-identity')?.version).to.equal(3)
  })

  it('takes the same policy twice, and refuses two that claim one version', async () => {
    expect(read({ 'same.json': built }).size).to.equal(1)
    await refuses('config_invalid', () => read({ 'changed.json': built.replace('365', '30') }))
  })

  it('refuses a file that is no policy, and a folder that is not there', async () => {
    await refuses('config_invalid', () => read({ 'a.json': '{' }))
    await refuses('config_invalid', () => read({ 'a.json': '{}' }))
    await refuses('config_invalid', () => readPolicies([join(folder.path, 'nowhere')]))
  })

  it('asks a sandbox for what a sandbox issues, by the very same files', () => {
    const real = readPolicies([BUILT_IN_POLICIES]).get('gig-identity')
    const sandbox = readPolicies([BUILT_IN_POLICIES], { sandbox: true }).get('gig-identity')
    expect(JSON.stringify(sandbox?.document)).to.equal(
      JSON.stringify(real?.document).replace('identity:1', 'identity:1:sandbox'),
    )
    expect(sandbox?.sha256).to.not.equal(real?.sha256)
  })
})
