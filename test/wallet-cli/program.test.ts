import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import { signTrustList, type TrustList } from '../../shared/trust/trust-list.ts'
import { type TestWallet, testWallet } from '../support/wallet.ts'

const NOW = 1_800_000_000
const LIST: TrustList = {
  sequence: 7,
  operator: 'Carnet Test Scheme',
  territory: 'UT',
  issuedAt: NOW - 10,
  nextUpdate: NOW + 86_400,
  entities: [],
}

describe('carnet-wallet', () => {
  let wallet: TestWallet
  beforeEach(() => {
    wallet = testWallet()
  })
  afterEach(() => wallet.dispose())

  it('prints its help on standard output, with an example', async () => {
    const { status, out, err } = await wallet.run(['--help'])
    expect(status).to.equal(0)
    expect(out)
      .to.match(/^Usage: carnet-wallet/)
      .and.match(/\nExample:\n {2}carnet-wallet init/)
    expect(err).to.equal('')
  })

  it('ends wrong usage with status 2, one lower-case line and a hint', async () => {
    for (const argv of [['nope'], ['journal', '--nope'], ['journal', 'extra'], []]) {
      const { status, out } = await wallet.run(argv)
      expect(status, argv.join(' ')).to.equal(2)
      expect(out).to.equal('')
    }
    const { err } = await wallet.run(['nope'])
    expect(err).to.equal(
      "carnet-wallet: unknown command 'nope'\ncarnet-wallet: hint: carnet-wallet --help\n",
    )
  })

  it('says that there is no vault yet, and how to make one', async () => {
    const { status, err } = await wallet.run(['journal'])
    expect(status).to.equal(4)
    expect(err).to.equal(
      'carnet-wallet: there is no vault here yet\ncarnet-wallet: hint: make one with: carnet-wallet init\n',
    )
  })

  describe('init', () => {
    it('makes a vault once', async () => {
      expect(await wallet.run(['init'])).to.include({
        status: 0,
        out: `made a vault in ${join(wallet.folder, 'vault')}\n`,
      })
      const again = await wallet.run(['init'])
      expect(again.status).to.equal(4)
      expect(again.err).to.match(/^carnet-wallet: .*key\.age is there already\n$/)
    })

    it('asks twice for a passphrase, and again when the second is not the same', async () => {
      wallet.dispose()
      wallet = testWallet({ asks: true })
      const { status, questions } = await wallet.run(
        ['init'],
        ['short', 'specimen passphrase', 'specimen passphrasf', 'specimen passphrase'],
      )
      expect(status).to.equal(0)
      expect(questions).to.have.lengthOf(4)
      expect((await wallet.run(['journal'], ['specimen passphrase'])).status).to.equal(0)
      expect((await wallet.run(['journal'], ['another passphrase'])).status).to.equal(5)
    })

    it('refuses a short passphrase from the environment', async () => {
      wallet.dispose()
      wallet = testWallet({ passphrase: 'short' })
      expect((await wallet.run(['init'])).status).to.equal(2)
    })

    it('says how to give the passphrase where nobody can be asked', async () => {
      wallet.dispose()
      wallet = testWallet({ asks: true })
      const { status, err } = await wallet.run(['init'])
      expect(status).to.equal(2)
      expect(err).to.match(/hint: set CARNET_WALLET_PASSPHRASE/)
    })
  })

  describe('trust', () => {
    const { signer } = generateEs256Key()
    let list: string
    let key: string
    beforeEach(async () => {
      list = join(wallet.folder, 'trust-list.jwt')
      key = join(wallet.folder, 'signer.jwk.json')
      writeFileSync(list, await signTrustList(LIST, signer))
      writeFileSync(key, JSON.stringify({ ...signer.publicJwk, use: 'sig' }))
    })

    it('is set when the vault is made', async () => {
      await wallet.run(['init', '--trust-list', list, '--trust-signer', key])
      const { status, out } = await wallet.run(['trust'])
      expect(status).to.equal(0)
      expect(out).to.match(/^trust list 7 of Carnet Test Scheme\n/)
    })

    it('leaves no vault behind when the list is not signed by the key', async () => {
      writeFileSync(key, JSON.stringify(generateEs256Key().signer.publicJwk))
      const { status } = await wallet.run(['init', '--trust-list', list, '--trust-signer', key])
      expect(status).to.equal(10)
      expect((await wallet.run(['journal'])).status).to.equal(4)
    })

    it('refuses a signer file that holds no public key', async () => {
      const leaked = JSON.stringify({ ...signer.publicJwk, d: 'AA' })
      for (const text of ['{}', 'not JSON', '[]', leaked]) {
        writeFileSync(key, text)
        const { status } = await wallet.run(['init', '--trust-list', list, '--trust-signer', key])
        expect(status, text).to.equal(10)
      }
    })

    it('is read again when it is asked for, and after an hour otherwise', async () => {
      const stored = async () => (await wallet.look((vault) => vault.trust()))?.fetchedAt
      await wallet.run(['init', '--trust-list', list, '--trust-signer', key])
      wallet.now += 3599
      await wallet.run(['status'])
      expect(await stored()).to.equal(NOW)
      wallet.now += 1
      await wallet.run(['status'])
      expect(await stored()).to.equal(NOW + 3600)
      writeFileSync(list, await signTrustList({ ...LIST, sequence: 8 }, signer))
      expect((await wallet.run(['trust'])).out).to.match(/^trust list 8 /)
    })

    it('never goes back to an older one of the same signer, also when told to', async () => {
      const newer = join(wallet.folder, 'newer.jwt')
      writeFileSync(newer, await signTrustList({ ...LIST, sequence: 8 }, signer))
      await wallet.run(['init', '--trust-list', newer, '--trust-signer', key])
      const told = await wallet.run(['trust', list])
      expect(told.status).to.equal(10)
      expect(told.err).to.match(/older than the stored one/)
      writeFileSync(newer, await signTrustList(LIST, signer))
      const { out, err } = await wallet.run(['trust'])
      expect(out).to.match(/^trust list 8 /)
      expect(err).to.match(/could not be renewed; the stored one is used/)
    })

    it('may be one of another signer, whatever its number', async () => {
      await wallet.run(['init', '--trust-list', list, '--trust-signer', key])
      const other = generateEs256Key().signer
      writeFileSync(list, await signTrustList({ ...LIST, sequence: 1 }, other))
      writeFileSync(key, JSON.stringify(other.publicJwk))
      expect((await wallet.run(['trust', list, '--signer', key])).out).to.match(/^trust list 1 /)
    })

    it('refuses a list whose next update is overdue, wherever it comes from', async () => {
      await wallet.run(['init', '--trust-list', list, '--trust-signer', key])
      wallet.now = LIST.nextUpdate + 1
      expect((await wallet.run(['trust'])).status).to.equal(10)
    })

    it('says when the wallet believes nobody', async () => {
      await wallet.run(['init'])
      const { status, err } = await wallet.run(['trust'])
      expect(status).to.equal(10)
      expect(err).to.match(/hint: carnet-wallet trust LOCATION --signer FILE/)
    })
  })

  describe('journal', () => {
    it('is empty at first, and is printed one object a line for scripts', async () => {
      await wallet.run(['init'])
      expect(await wallet.run(['journal'])).to.include({
        out: '',
        err: 'nothing has happened yet\n',
      })
      await wallet.look((vault) =>
        vault.recordRefusal({ verifier: 'x509_hash:a', verifierName: 'Driver' }, NOW),
      )
      const { out } = await wallet.run(['journal', '--json'])
      expect(JSON.parse(out)).to.include({ type: 'presentation.refused', verifierName: 'Driver' })
      expect((await wallet.run(['journal'])).out).to.equal('2027-01-15T08:00:00Z  refused Driver\n')
    })

    it('can be erased', async () => {
      await wallet.run(['init'])
      await wallet.look((vault) =>
        vault.recordRefusal({ verifier: 'x509_hash:a', verifierName: 'Driver' }, NOW),
      )
      expect((await wallet.run(['journal', '--erase'])).status).to.equal(0)
      expect((await wallet.run(['journal', '--json'])).out).to.equal('')
    })

    it('shows what another party wrote without its control characters', async () => {
      await wallet.run(['init'])
      await wallet.look((vault) =>
        vault.recordRefusal({ verifier: 'v', verifierName: '\u001b[2JBank\u202e\nof X' }, NOW),
      )
      const { out } = await wallet.run(['journal'])
      expect(out).to.match(/refused \ufffd\[2JBank\ufffd\ufffdof X\n$/)
    })
  })
})
