import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { jwkThumbprint } from '../../shared/jose/thumbprint.ts'
import { openPkcs11Token, type Pkcs11Token } from '../../shared/key/signer.pkcs11.ts'
import { generateEs256Key, openEs256Key } from '../../shared/key/signer.software.ts'
import { signerContract } from './signer.ts'

const MODULE = '/usr/lib/softhsm/libsofthsm2.so'

describe('a software signer', () => {
  signerContract(async () => generateEs256Key().signer)

  describe('opened again', () => {
    const { signer, pkcs8 } = generateEs256Key()
    signerContract(async () => openEs256Key(pkcs8))
    it('is the same key', () => {
      expect(openEs256Key(pkcs8).publicJwk).to.deep.equal(signer.publicJwk)
    })
  })
})

describe('a PKCS#11 signer on SoftHSM', () => {
  let folder: string
  let token: Pkcs11Token
  const location = { modulePath: MODULE, tokenLabel: 'carnet-test', pin: '4711' }

  before(async function () {
    const missing = missingPart()
    if (missing) {
      process.stderr.write(`SKIPPED, ${missing}: PKCS#11 signer\n`)
      this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'carnet-softhsm-'))
    mkdirSync(join(folder, 'tokens'))
    const configuration = join(folder, 'softhsm2.conf')
    writeFileSync(
      configuration,
      `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`,
    )
    process.env.SOFTHSM2_CONF = configuration
    const made = spawnSync(
      'softhsm2-util',
      ['--init-token', '--free', '--label', 'carnet-test', '--pin', '4711', '--so-pin', '47114711'],
      { encoding: 'utf8' },
    )
    expect(made.status, made.stderr).to.equal(0)
    token = await openPkcs11Token(location)
  })
  after(() => {
    token?.close()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  signerContract(() => token.createKey('attestation'))

  it('opens the same key again, and says when there is none or the label is taken', async () => {
    const { publicJwk } = await token.createKey('again')
    expect(jwkThumbprint((await token.openKey('again')).publicJwk)).to.equal(
      jwkThumbprint(publicJwk),
    )
    const refusals = [
      [() => token.openKey('other'), 'no PKCS#11 key pair'],
      [() => token.createKey('again'), 'exists'],
      [() => openPkcs11Token({ ...location, tokenLabel: 'other' }), 'no PKCS#11 token'],
      [() => openPkcs11Token({ ...location, modulePath: '/nowhere.so' }), 'cannot be loaded'],
    ] as const
    for (const [act, message] of refusals) {
      let thrown: unknown
      try {
        await act()
      } catch (error) {
        thrown = error
      }
      expect((thrown as Error | undefined)?.message).to.include(message)
    }
  })

  it('opens a token twice in one process', async () => {
    const second = await openPkcs11Token(location)
    const { publicJwk } = await second.createKey('second')
    expect((await token.openKey('second')).publicJwk).to.deep.equal(publicJwk)
    second.close()
  })
})

/** What is missing for these tests, if anything: they need Debian's softhsm2 and the optional native package. */
function missingPart(): string | undefined {
  if (!existsSync(MODULE)) return 'SoftHSM is not installed (apt-get install softhsm2)'
  try {
    createRequire(import.meta.url).resolve('pkcs11js')
  } catch {
    return 'the optional package pkcs11js is not installed'
  }
  return undefined
}
