import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { expect } from 'chai'
import { generateEncryptionKey } from '../../shared/jose/jwe.ts'
import { parseJwt } from '../../shared/jose/jws.ts'
import type { JsonObject } from '../../shared/json.ts'
import { decryptResponse } from '../../shared/oid4vp/response.ts'
import { systemRandom } from '../../shared/random.ts'
import { BUILT_IN_POLICIES, readPolicies } from '../../verifier/policy-packs.ts'
import { createRequest, renderRequestObject } from '../../verifier/request/create.ts'
import { retrieve } from '../../verifier/request/request.ts'
import { external } from '../support/external.ts'
import { NOW, testAuthority } from '../support/pki.ts'

describe('the encrypted response of OpenID4VP 1.0 §8.3', () => {
  it('is decrypted', async function () {
    const path = external(this, 'vectors/openid4vp-1_0/crypto-vectors.json')
    const { encrypted_response: vector } = JSON.parse(readFileSync(path, 'utf8'))
    const pkcs8 = createPrivateKey({ key: vector.private_jwk, format: 'jwk' }).export({
      format: 'pem',
      type: 'pkcs8',
    }) as string
    const response = await decryptResponse(vector.jwe, {
      pkcs8,
      expectedKid: vector.private_jwk.kid,
    })
    expect(response).to.deep.equal({
      kind: 'presentation',
      vpToken: vector.plaintext_json.vp_token,
      state: undefined,
    })
  })

  it('is not decrypted with another key', async function () {
    const path = external(this, 'vectors/openid4vp-1_0/crypto-vectors.json')
    const { encrypted_response: vector } = JSON.parse(readFileSync(path, 'utf8'))
    const { pkcs8 } = generateEncryptionKey()
    const failed = await decryptResponse(vector.jwe, { pkcs8, expectedKid: 'ac' }).catch((e) => e)
    expect(failed.code).to.equal('invalid_request')
  })
})

describe('the request objects of every policy', () => {
  const policies = [...readPolicies([BUILT_IN_POLICIES]).values()]
  const folder = 'vectors/openid-conformance-suite/json-schemas/oid4vp'
  const ajv = new Ajv({ strict: false })

  /** The payload that a wallet gets. */
  const payloads = async (): Promise<JsonObject[]> => {
    const { signer, x5c } = await (await testAuthority('relying-party-access')).leaf()
    const clientId = 'x509_hash:x'
    return Promise.all(
      policies.map(async (policy) => {
        const request = createRequest(
          policy,
          { platform: 'backend', lifetimeSeconds: 300, clientId },
          { now: NOW, random: systemRandom },
        )
        const identity = { baseUrl: 'https://driver.example', clientId, signer, x5c }
        return parseJwt(await renderRequestObject(retrieve(request, NOW), policy, identity)).payload
      }),
    )
  }

  it('have a dcql_query and verifier_info as the conformance suite wants them', async function () {
    const schema = (name: string) =>
      ajv.compile(JSON.parse(readFileSync(join(external(this, folder), name), 'utf8')))
    const [dcql, info] = [schema('dcql_request.json'), schema('verifier_info.json')]
    for (const { dcql_query, verifier_info } of await payloads()) {
      expect(dcql(dcql_query), JSON.stringify(dcql.errors)).to.equal(true)
      expect(info({ verifier_info }), JSON.stringify(info.errors)).to.equal(true)
    }
    expect(dcql({ credentials: [] })).to.equal(false)
  })
})
