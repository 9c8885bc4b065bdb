import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type TestWallet, testWallet } from '../../support/wallet.ts'

const NOW = 1_800_000_000
const DRIVER = { verifier: 'x509_hash:driver', verifierName: 'Driver' }

describe('backup', () => {
  let wallet: TestWallet
  let file: string
  let folder: string
  beforeEach(async () => {
    wallet = testWallet()
    file = join(wallet.folder, 'backup.age')
    folder = join(wallet.folder, 'vault')
    await wallet.run(['init'])
    await wallet.look(async (vault) => {
      const offer = {
        issuer: 'https://issuer.example',
        issuerName: 'Issuer',
        configurationId: 'identity',
        vct: 'urn:carnet:identity:1',
        preAuthorizedCode: 'code',
      }
      const issuance = await vault.beginIssuance(offer, 2, NOW)
      const copies = issuance.holderKeys.map(({ publicJwk }) => ({
        compact: 'copy~',
        holderKey: publicJwk,
      }))
      const { id } = await vault.completeIssuance(issuance.id, { ...received(offer), copies }, NOW)
      const credentials = [{ credentialId: id, claims: [] }]
      await vault.beginPresentation({ ...DRIVER, credentials }, NOW)
    })
  })
  afterEach(() => wallet.dispose())

  const lose = () => rmSync(folder, { recursive: true })
  const fresh = async () => JSON.parse((await wallet.run(['list', '--json'])).out).fresh as number

  it('is one sealed file for its owner, and never goes over a file that is there', async () => {
    expect(await wallet.run(['backup', file])).to.include({ status: 0, out: `wrote ${file}\n` })
    expect(statSync(file).mode & 0o777).to.equal(0o600)
    expect(readFileSync(file, 'utf8')).to.match(/^-----BEGIN AGE ENCRYPTED FILE-----\n/)
    const before = readFileSync(file)
    expect((await wallet.run(['backup', file])).status).to.equal(4)
    expect(readFileSync(file)).to.deep.equal(before)
  })

  it('gives the vault back; copies that nobody had seen are retired, the others are as they were', async () => {
    await wallet.run(['backup', file])
    lose()
    const { status, err } = await wallet.run(['restore', file])
    expect(status).to.equal(0)
    expect(err).to.match(/copies that nobody had seen are retired/)
    expect(await fresh()).to.equal(0)
    const [held] = await wallet.look((vault) => vault.credentials())
    expect(held?.copies.map(({ verifier }) => verifier)).to.have.members([
      DRIVER.verifier,
      undefined,
    ])
  })

  it('keeps fresh copies for whoever knows that nothing was shown since', async () => {
    await wallet.run(['backup', file])
    lose()
    await wallet.run(['restore', file, '--nothing-shown-since'])
    expect(await fresh()).to.equal(1)
  })

  it('goes on after a restore that was interrupted, and mends a folder that lost its key file', async () => {
    await wallet.run(['backup', file])
    rmSync(join(folder, 'key.age'))
    expect((await wallet.run(['list'])).status).to.equal(4)
    expect((await wallet.run(['restore', file])).status).to.equal(0)
    expect(await fresh()).to.equal(0)
  })

  it('does not put its key to the stock of another vault', async () => {
    await wallet.run(['backup', file])
    lose()
    await wallet.run(['init'])
    rmSync(join(folder, 'key.age'))
    const { status, err } = await wallet.run(['restore', file])
    expect(status).to.equal(4)
    expect(err).to.match(/belongs to another vault/)
    expect(existsSync(join(folder, 'key.age'))).to.equal(false)
  })

  it('does not go over a vault that is there', async () => {
    await wallet.run(['backup', file])
    const { status, err } = await wallet.run(['restore', file])
    expect(status).to.equal(4)
    expect(err).to.match(/hint: restore into another folder/)
    expect(await fresh()).to.equal(1)
  })

  it('opens with the passphrase that it was made under alone, and says when it is not a backup', async () => {
    await wallet.run(['backup', file])
    lose()
    const stranger = testWallet({ passphrase: 'another passphrase' })
    expect((await stranger.run(['restore', file])).status).to.equal(5)
    stranger.dispose()
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 300))
    expect((await wallet.run(['restore', file])).status).to.equal(4)
    expect(existsSync(join(folder, 'key.age'))).to.equal(false)
  })
})

describe('passphrase', () => {
  it('is changed after the present one was given, and the old one opens nothing any more', async () => {
    const wallet = testWallet({ asks: true })
    await wallet.run(['init'], ['specimen passphrase', 'specimen passphrase'])
    const wrong = await wallet.run(
      ['passphrase'],
      ['not the passphrase', 'another one', 'another one'],
    )
    expect(wrong.status).to.equal(5)
    const { status, err } = await wallet.run(
      ['passphrase'],
      ['specimen passphrase', 'short', 'another passphrase', 'another passphrase'],
    )
    expect(status).to.equal(0)
    expect(err).to.match(/hint: backups still open with the one that they were made under/)
    expect((await wallet.run(['list'], ['specimen passphrase'])).status).to.equal(5)
    expect((await wallet.run(['list'], ['another passphrase'])).status).to.equal(0)
    wallet.dispose()
  })
})

function received({ issuer, issuerName, vct }: Record<'issuer' | 'issuerName' | 'vct', string>) {
  return { issuer, issuerName, vct }
}
