import { expect } from 'chai'
import { openNonces } from '../../../issuer/oid4vci/nonce.ts'
import { nonceSecretOf } from '../../../issuer/oid4vci/nonce-secret.ts'
import { generateEd25519Key, openEd25519Key } from '../../../shared/key/signer.software.ts'
import { systemRandom } from '../../../shared/random.ts'

const NOW = 1_800_000_000
const ISSUER = 'https://issuer.example'

describe('nonceSecretOf', () => {
  it('lets two servers with one log key know each other’s nonces, and no other issuer', async () => {
    const { pkcs8 } = generateEd25519Key()
    const noncesOf = async (signer = openEd25519Key(pkcs8), issuer = ISSUER) =>
      openNonces(await nonceSecretOf(signer, issuer), 'c_nonce', systemRandom)
    const nonce = (await noncesOf()).create(NOW)
    expect((await noncesOf()).isOurs(nonce, NOW)).to.equal(true)
    expect((await noncesOf(generateEd25519Key().signer)).isOurs(nonce, NOW)).to.equal(false)
    expect((await noncesOf(undefined, 'https://other.example')).isOurs(nonce, NOW)).to.equal(false)
  })
})
