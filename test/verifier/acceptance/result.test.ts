import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Policy } from '../../../verifier/policy/policy.ts'
import { BUILT_IN_POLICIES, readPolicies } from '../../../verifier/policy-packs.ts'
import {
  answerWith,
  type Ecosystem,
  fetchRequest,
  makeEcosystem,
  type Platform,
  postForm,
  startPlatform,
} from '../../support/platform.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const built = readPolicies([BUILT_IN_POLICIES])

describe('requestResult', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let ecosystem: Ecosystem
  let leaf: Awaited<ReturnType<Ecosystem['access']['leaf']>>
  let platform: Platform
  let id: string

  const start = async (policies: ReadonlyMap<string, Policy> = built): Promise<void> => {
    const database = join(folder.path, 'verifier.db')
    platform = await startPlatform(ecosystem, { database, leaf, policies })
  }
  const read = () => platform.call(`/requests/${id}`)

  beforeEach(async () => {
    folder = temporaryFolder()
    ecosystem = await makeEcosystem()
    leaf = await ecosystem.access.leaf()
    await start()
    const made = await platform.request()
    id = made.id
    await answerWith(ecosystem, made.link, await ecosystem.issue())
  })
  afterEach(async () => {
    await platform.stop()
    folder.remove()
  })

  it('is the same after a restart, verified again from what was kept', async () => {
    const before = await read()
    await platform.stop()
    ecosystem.lists.clear()
    await start()
    expect(before.status).to.equal(200)
    expect(await read()).to.deep.equal(before)
  })

  it('is found with the policy that was kept, when that is not in use any more', async () => {
    const before = await read()
    await platform.stop()
    const [newer] = built.values()
    await start(new Map([['newer', { ...(newer as Policy), sha256: 'newer' }]]))
    expect(await read()).to.deep.equal(before)
    await platform.stop()
    await start(new Map([['newer', { ...(newer as Policy), sha256: 'newer' }]]))
    platform.db.exec(`UPDATE artefact SET text = replace(text, 'under_18', 'under_81')`)
    expect((await read()).status).to.equal(500)
  })

  it('is gone when the platform erases it, and nothing of the person is left in the file', async () => {
    const stored = String(platform.db.prepare('SELECT vp_token FROM answer').pluck().get())
    const [, disclosure = ''] = stored.split('~')
    const holdsDisclosure = (): boolean => {
      platform.db.pragma('wal_checkpoint(TRUNCATE)')
      return readFileSync(join(folder.path, 'verifier.db')).includes(disclosure)
    }
    const erase = (key: string) =>
      fetch(`${platform.url}/requests/${id}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${key}` },
      })
    expect((await erase(`other-${platform.key}`)).status).to.equal(404)
    expect(holdsDisclosure()).to.equal(true)
    expect((await erase(platform.key)).status).to.equal(204)
    expect((await read()).status).to.equal(404)
    expect(holdsDisclosure()).to.equal(false)
  })

  it('keeps its receipt valid when the verifier gets a new certificate', async () => {
    const before = await read()
    const open = await platform.request()
    const retrieved = await platform.request()
    const verified = await fetchRequest(ecosystem, retrieved.link)
    await platform.stop()
    leaf = await ecosystem.access.leaf()
    await start()
    expect(await read()).to.deep.equal(before)
    const object = await fetch(open.requestUri.replace(/^http:..[^/]+/, platform.url))
    expect(object.status).to.equal(410)
    const uri = verified.request.response_uri.replace(/^http:..[^/]+/, platform.url)
    const late = await postForm(uri, { error: 'access_denied' })
    expect({ status: late.status, code: late.body.code }).to.deep.equal({
      status: 410,
      code: 'request_expired',
    })
  })

  for (const [what, sql] of [
    ['the receipt is another', `UPDATE answer SET receipt = replace(receipt, '.', '.A')`],
    ['the presentation is another', `UPDATE answer SET vp_token = replace(vp_token, '~', '~~')`],
    ['an artefact is another', `UPDATE artefact SET text = text || 'A' WHERE text LIKE 'ey%'`],
  ] as const) {
    it(`is a defect and not an answer when ${what} in the database`, async () => {
      platform.db.exec(sql)
      const { status, body } = await read()
      expect({ status, code: body.code }).to.deep.equal({ status: 500, code: 'defect' })
    })
  }
})
