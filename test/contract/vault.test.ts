import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { generateEs256Key, openEs256Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import { aesGcmSeal } from '../../wallet-cli/vault/key-file.file.ts'
import { openVault } from '../../wallet-cli/vault/vault.sqlite.ts'
import type {
  AcceptedOffer,
  HeldCredential,
  Issuance,
  Vault,
} from '../../wallet-cli/vault/vault.ts'
import { failureOf } from '../support/failure.ts'

const NOW = 1_800_000_000
const OFFER: AcceptedOffer = {
  issuer: 'https://issuer.example',
  issuerName: 'Example Issuer',
  configurationId: 'identity',
  vct: 'urn:example:identity:1',
  preAuthorizedCode: 'code-1',
  txCode: { inputMode: 'numeric', length: 6 },
}
const DRIVER = { verifier: 'x509_hash:driver', verifierName: 'Driver Platform', purpose: 'sign-up' }
const COURIER = { verifier: 'x509_hash:courier', verifierName: 'Courier Platform' }

interface Opened {
  readonly vault: Vault
  /** Closes the vault and opens it again, as the next start of the program would. */
  reopen(): Promise<Vault>
  dispose(): Promise<void>
}

const ADAPTERS: Record<string, () => Opened> = {
  'vault.sqlite.ts': () => {
    const folder = mkdtempSync(join(tmpdir(), 'carnet-vault-'))
    const key = { keyId: 'AAAAAAAAAAA', key: systemRandom(32) }
    const open = () =>
      openVault(join(folder, 'vault.sqlite'), {
        seal: aesGcmSeal(key, systemRandom),
        keys: { generate: generateEs256Key, open: openEs256Key },
        random: systemRandom,
      })
    let vault = open()
    return {
      vault,
      reopen: async () => {
        await vault.close()
        vault = open()
        return vault
      },
      dispose: async () => {
        await vault.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
}

for (const [name, open] of Object.entries(ADAPTERS)) {
  describe(`Vault: ${name}`, () => {
    let opened: Opened
    let vault: Vault
    beforeEach(() => {
      opened = open()
      vault = opened.vault
    })
    afterEach(() => opened.dispose())

    it('is empty at first', async () => {
      expect(await vault.trust()).to.equal(undefined)
      expect(await vault.issuances()).to.deep.equal([])
      expect(await vault.credentials()).to.deep.equal([])
      expect(await vault.journal()).to.deep.equal([])
    })

    it('keeps the trust list, the newest only', async () => {
      const source = {
        location: 'https://issuer.example/trust-list',
        signerKey: generateEs256Key().signer.publicJwk,
        token: 'one',
        fetchedAt: NOW,
      }
      await vault.keepTrust(source)
      await vault.keepTrust({ ...source, token: 'two' })
      vault = await opened.reopen()
      expect(await vault.trust()).to.deep.equal({ ...source, token: 'two' })
    })

    describe('an issuance', () => {
      it('has one DPoP key and as many holder keys as copies are asked for, all different', async () => {
        const issuance = await vault.beginIssuance(OFFER, 3, NOW)
        const keys = [issuance.dpopKey, ...issuance.holderKeys].map(({ publicJwk }) => publicJwk.x)
        expect(new Set(keys)).to.have.lengthOf(4)
      })

      it('keeps its keys over a restart, so that the same request can be made again', async () => {
        const before = publicKeys(await vault.beginIssuance(OFFER, 2, NOW))
        vault = await opened.reopen()
        const [after] = await vault.issuances()
        expect(publicKeys(after as Issuance)).to.deep.equal(before)
      })

      it('is the same one when the same offer comes again', async () => {
        const first = await vault.beginIssuance(OFFER, 2, NOW)
        const again = await vault.beginIssuance(OFFER, 2, NOW + 5)
        expect(again.id).to.equal(first.id)
        const other = await vault.beginIssuance({ ...OFFER, preAuthorizedCode: 'code-2' }, 2, NOW)
        expect(other.id).not.to.equal(first.id)
      })

      it('keeps its access token over a restart', async () => {
        const { id } = await vault.beginIssuance(OFFER, 2, NOW)
        await vault.keepAccessToken(id, { value: 'token', expiresAt: NOW + 60 })
        vault = await opened.reopen()
        const [issuance] = await vault.issuances()
        expect(issuance?.accessToken).to.deep.equal({ value: 'token', expiresAt: NOW + 60 })
      })

      it('becomes a credential with its copies, and is gone', async () => {
        const held = await receive(vault)
        expect(held.copies).to.have.lengthOf(2)
        expect(held.copies.map(({ verifier }) => verifier)).to.deep.equal([undefined, undefined])
        expect(await vault.issuances()).to.deep.equal([])
        vault = await opened.reopen()
        expect(await vault.credentials()).to.deep.equal([held])
      })

      it('refuses a copy that is bound to a key of another issuance, and stores nothing', async () => {
        const issuance = await vault.beginIssuance(OFFER, 1, NOW)
        const stranger = generateEs256Key().signer.publicJwk
        const ours = issuance.holderKeys[0]?.publicJwk
        const copies = [ours, stranger].map((holderKey) => ({ compact: 'c', holderKey }) as never)
        const failure = await failureOf(
          vault.completeIssuance(issuance.id, { ...received(OFFER), copies }, NOW),
        )
        expect(failure).to.have.property('code', 'credential_invalid')
        expect(await vault.credentials()).to.deep.equal([])
        expect(await vault.issuances()).to.have.lengthOf(1)
        expect(await vault.journal()).to.deep.equal([])
      })

      it('cannot end twice', async () => {
        const issuance = await vault.beginIssuance(OFFER, 2, NOW)
        await complete(vault, issuance)
        expect(await failureOf(complete(vault, issuance))).to.have.property('code', 'not_found')
        expect(await vault.credentials()).to.have.lengthOf(1)
      })

      it('can end without a credential, with its reason in the journal', async () => {
        const { id } = await vault.beginIssuance(OFFER, 2, NOW)
        await vault.abandonIssuance(id, 'offer_spent', NOW)
        expect(await vault.issuances()).to.deep.equal([])
        expect(await vault.journal()).to.deep.equal([
          {
            type: 'credential.not_received',
            at: NOW,
            issuer: OFFER.issuer,
            issuerName: OFFER.issuerName,
            vct: OFFER.vct,
            reason: 'offer_spent',
          },
        ])
      })
    })

    describe('a presentation', () => {
      it('binds a free copy to the verifier before it answers', async () => {
        const { id } = await receive(vault)
        const taken = await present(vault, DRIVER, id)
        vault = await opened.reopen()
        const [held] = await vault.credentials()
        const bound = held?.copies.filter(({ verifier }) => verifier === DRIVER.verifier)
        expect(bound?.map((copy) => copy.id)).to.deep.equal([taken.copies[0]?.copyId])
      })

      it('signs with the key of the copy it took', async () => {
        const { id } = await receive(vault)
        const [copy] = (await present(vault, DRIVER, id)).copies
        expect(copy?.compact).to.equal(`copy for ${copy?.holder.publicJwk.x}`)
      })

      it('never shows a copy to a second verifier', async () => {
        const { id } = await receive(vault)
        const driver = (await present(vault, DRIVER, id)).copies[0]
        const courier = (await present(vault, COURIER, id)).copies[0]
        expect(courier?.copyId).not.to.equal(driver?.copyId)
      })

      it('shows a verifier the copy that it has seen', async () => {
        const { id } = await receive(vault)
        const first = (await present(vault, DRIVER, id)).copies[0]
        await present(vault, COURIER, id)
        expect((await present(vault, DRIVER, id)).copies[0]?.copyId).to.equal(first?.copyId)
      })

      it('says which credential has no copy left, and takes none at all', async () => {
        const plenty = await receive(vault)
        const scarce = await receive(vault, { ...OFFER, preAuthorizedCode: 'code-2' }, 1)
        await present(vault, DRIVER, scarce.id)
        const journalBefore = await vault.journal()
        const taken = await vault.beginPresentation(
          { ...COURIER, credentials: [claimsOf(plenty.id), claimsOf(scarce.id)] },
          NOW,
        )
        expect(taken).to.deep.equal({ taken: false, credentialId: scarce.id })
        expect((await vault.credentials())[0]?.copies.some(({ verifier }) => verifier)).to.equal(
          false,
        )
        expect(await vault.journal()).to.deep.equal(journalBefore)
      })

      it('is in the journal as intended from the start, and then as it ended', async () => {
        const { id } = await receive(vault)
        const { presentationId } = await present(vault, DRIVER, id)
        expect((await vault.journal()).at(-1)).to.deep.equal({
          type: 'presentation',
          at: NOW,
          ...DRIVER,
          credentials: [{ vct: OFFER.vct, issuer: OFFER.issuer, claims: ['family_name'] }],
          outcome: 'intended',
        })
        await vault.endPresentation(presentationId, 'delivered', NOW + 1)
        expect((await vault.journal()).at(-1)).to.include({
          outcome: 'delivered',
          endedAt: NOW + 1,
        })
      })

      it('is in the journal when the worker refused it', async () => {
        await vault.recordRefusal(COURIER, NOW)
        expect(await vault.journal()).to.deep.equal([
          { type: 'presentation.refused', at: NOW, ...COURIER },
        ])
      })
    })

    it('retires copies that nobody has seen, and no others', async () => {
      const { id } = await receive(vault)
      const first = (await present(vault, DRIVER, id)).copies[0]
      await vault.retireFreshCopies()
      vault = await opened.reopen()
      const courier = { ...COURIER, credentials: [claimsOf(id)] }
      expect(await vault.beginPresentation(courier, NOW)).to.include({ taken: false })
      expect((await present(vault, DRIVER, id)).copies[0]?.copyId).to.equal(first?.copyId)
    })

    it('gives its stock sealed: no value can be read in it', async () => {
      await receive(vault)
      const stock = Buffer.from(await vault.sealedStock()).toString('latin1')
      expect(stock).not.to.match(/Example Issuer|copy for|PRIVATE KEY/)
      expect(stock.length).to.be.greaterThan(1000)
    })

    it('forgets a credential with its copies, and says so once', async () => {
      const { id } = await receive(vault)
      expect(await vault.forget(id, NOW)).to.equal(true)
      expect(await vault.credentials()).to.deep.equal([])
      expect(await vault.forget(id, NOW)).to.equal(false)
      const types = (await vault.journal()).map(({ type }) => type)
      expect(types).to.deep.equal(['credential.received', 'credential.forgotten'])
    })

    it('erases the journal and nothing else', async () => {
      await receive(vault)
      await vault.eraseJournal()
      expect(await vault.journal()).to.deep.equal([])
      expect(await vault.credentials()).to.have.lengthOf(1)
    })
  })
}

function publicKeys({ dpopKey, holderKeys }: Issuance): unknown[] {
  return [dpopKey, ...holderKeys].map(({ publicJwk }) => publicJwk)
}

function received({ issuer, issuerName, vct }: AcceptedOffer) {
  return { issuer, issuerName, vct, expires: NOW + 86_400, copies: [] }
}

function complete(vault: Vault, issuance: Issuance): Promise<HeldCredential> {
  const copies = issuance.holderKeys.map(({ publicJwk }) => ({
    compact: `copy for ${publicJwk.x}`,
    holderKey: publicJwk,
  }))
  return vault.completeIssuance(issuance.id, { ...received(issuance), copies }, NOW)
}

async function receive(vault: Vault, offer = OFFER, copies = 2): Promise<HeldCredential> {
  return complete(vault, await vault.beginIssuance(offer, copies, NOW))
}

function claimsOf(credentialId: string) {
  return { credentialId, claims: ['family_name'] }
}

async function present(vault: Vault, party: typeof DRIVER | typeof COURIER, credentialId: string) {
  const taken = await vault.beginPresentation(
    { ...party, credentials: [claimsOf(credentialId)] },
    NOW,
  )
  if (!taken.taken) throw new Error('no copy left')
  return taken
}
