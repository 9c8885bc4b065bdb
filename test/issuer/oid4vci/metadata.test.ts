import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { IDENTITY_VCT } from '../../../issuer/credential/identity.ts'
import {
  BATCH_SIZE,
  IDENTITY_CONFIGURATION_ID,
  issuerMetadata,
  serverMetadata,
} from '../../../issuer/oid4vci/metadata.ts'
import { serverMetadataSchema } from '../../../shared/oauth/server-metadata.ts'
import { issuerMetadataSchema } from '../../../shared/oid4vci/issuer-metadata.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { fixturePipeline } from '../../support/evidence.ts'
import { openIssuer } from '../../support/issuer.ts'
import { send } from '../../support/issuer-client.ts'

const ISSUER = 'https://issuer.example'

/** What peers see of us. A change of these files is a change of our interface and stands in the changelog. */
function golden(name: string): unknown {
  return JSON.parse(readFileSync(join(packageRoot, 'test/issuer/oid4vci/golden', name), 'utf8'))
}

describe('issuerMetadata (OpenID4VCI 1.0 §12.2.4)', () => {
  const metadata = issuerMetadata({ issuer: ISSUER, name: 'Example issuer', country: 'UT' })

  it('is the golden document', () => {
    expect(metadata).to.deep.equal(golden('openid-credential-issuer.json'))
  })

  it('is what our own wallet reads', () => {
    expect(issuerMetadataSchema.safeParse(metadata).success).to.equal(true)
  })

  it('has a scope in every configuration, and proof types where there is key binding (HAIP 1.0 §4.1)', () => {
    const configurations = Object.values(metadata.credential_configurations_supported)
    expect(configurations).to.have.length(1)
    for (const configuration of configurations) {
      expect(configuration.scope).to.be.a('string')
      expect(configuration.cryptographic_binding_methods_supported).to.deep.equal(['jwk'])
      expect(configuration.proof_types_supported).to.have.property('jwt')
    }
    expect(metadata.nonce_endpoint).to.be.a('string')
    expect(metadata.batch_credential_issuance?.batch_size).to.equal(BATCH_SIZE).and.be.at.least(2)
  })
})

describe('serverMetadata (RFC 8414 §2)', () => {
  const metadata = serverMetadata(ISSUER)

  it('is the golden document', () => {
    expect(metadata).to.deep.equal(golden('oauth-authorization-server.json'))
  })

  it('is what our own wallet reads', () => {
    expect(serverMetadataSchema.safeParse(metadata).success).to.equal(true)
  })
})

describe('the metadata endpoints', () => {
  it('serve both documents as JSON, to any origin, under the identifier itself (§12.2.3)', async () => {
    const issuer = await openIssuer(fixturePipeline())
    try {
      for (const [name, member] of [
        ['openid-credential-issuer', 'credential_issuer'],
        ['oauth-authorization-server', 'issuer'],
      ] as const) {
        const { status, body, headers } = await send(`${issuer.url}/.well-known/${name}`)
        expect(status).to.equal(200)
        expect(headers.get('content-type')).to.match(/^application\/json/)
        expect(headers.get('access-control-allow-origin')).to.equal('*')
        expect(body[member]).to.equal(issuer.url)
      }
      const type = await send(`${issuer.url}/types/${IDENTITY_VCT}`)
      expect([type.status, type.body.vct]).to.deep.equal([200, IDENTITY_VCT])
      expect((await send(`${issuer.url}/types/toString`)).status).to.equal(404)
      const { body } = await send(`${issuer.url}/.well-known/openid-credential-issuer`)
      const names = Object.keys(body.credential_configurations_supported)
      expect(names).to.deep.equal([IDENTITY_CONFIGURATION_ID])
    } finally {
      await issuer.close()
    }
  })
})
