import { expect } from 'chai'
import { ProtocolError } from '../../../shared/error.ts'
import { generateEncryptionKey } from '../../../shared/jose/jwe.ts'
import { signJwt } from '../../../shared/jose/jws.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { parseClientId, x509HashClientId } from '../../../shared/oid4vp/client-id.ts'
import {
  parseRequestReference,
  type RequestObjectParameters,
  renderRequestReference,
  signRequestObject,
  verifyRequestObject,
} from '../../../shared/oid4vp/request.ts'
import { NOW, type TestAuthority, testAuthority } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const QUERY = {
  credentials: [
    {
      id: 'identity',
      format: 'dc+sd-jwt',
      meta: { vct_values: ['urn:carnet:identity:1'] },
      claims: [{ path: ['given_name'] }],
    },
  ],
}

describe('verifyRequestObject', () => {
  let authority: TestAuthority
  let leaf: Awaited<ReturnType<TestAuthority['leaf']>>
  let clientId: string
  const encryptionKey = generateEncryptionKey().publicJwk
  const parameters: RequestObjectParameters = {
    responseUri: 'https://driver.example/responses/r1',
    nonce: 'n-0S6_WzA2Mj',
    query: QUERY,
    encryptionKey,
    issuedAt: NOW,
    expiresAt: NOW + 300,
  }

  before(async () => {
    authority = await testAuthority('relying-party-access')
    leaf = await authority.leaf({ sanDns: ['driver.example'] })
    clientId = x509HashClientId(leaf.x5c[0] ?? '')
  })

  const verify = (
    jwt: string,
    options: { now?: number; expectedClientId?: string; expectedWalletNonce?: string } = {},
  ) =>
    verifyRequestObject(jwt, {
      expectedClientId: clientId,
      anchors: authority.anchors,
      now: NOW,
      ...options,
    })

  const payloadOfOurs = async (): Promise<JsonObject> =>
    JSON.parse(
      Buffer.from(
        (await signRequestObject(parameters, leaf)).split('.')[1] ?? '',
        'base64url',
      ).toString(),
    )

  /** A request object with members changed, signed by the right key all the same. */
  const altered = async (members: JsonObject, header: JsonObject = {}): Promise<string> => {
    const payload = await payloadOfOurs()
    return signJwt({
      header: { typ: 'oauth-authz-req+jwt', x5c: leaf.x5c, ...header },
      payload: Object.fromEntries(
        Object.entries({ ...payload, ...members }).filter(([, value]) => value !== null),
      ),
      signer: leaf.signer,
    })
  }

  it('tells who asks, for what, and which key to answer to (OpenID4VP 1.0 §5)', async () => {
    const verified = verify(await signRequestObject(parameters, leaf))
    expect(verified.clientId).to.equal(clientId)
    expect(verified.verifier.leaf.sanDns).to.deep.equal(['driver.example'])
    expect(verified.request.response_uri).to.equal(parameters.responseUri)
    expect(verified.query.credentials[0]?.id).to.equal('identity')
    expect(verified.encryption).to.deep.equal({ recipient: encryptionKey, enc: 'A256GCM' })
  })

  it('is typed oauth-authz-req+jwt and carries the chain without the anchor (HAIP 1.0 §5)', async () => {
    const jwt = await signRequestObject(parameters, leaf)
    const header = JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString())
    expect(header).to.deep.equal({ alg: 'ES256', typ: 'oauth-authz-req+jwt', x5c: leaf.x5c })
  })

  it('rejects another typ (OpenID4VP 1.0 §5, RFC 9101 §10.8)', async () => {
    await refuses('invalid_request', async () => verify(await altered({}, { typ: 'JWT' })))
  })

  it('rejects a client_id that is not the hash of the certificate (OpenID4VP 1.0 §5.9.3)', async () => {
    const other = await authority.leaf()
    const otherId = x509HashClientId(other.x5c[0] ?? '')
    const jwt = await signRequestObject(parameters, leaf)
    await refuses('invalid_request', () => verify(jwt, { expectedClientId: otherId }))
  })

  it('rejects an x5c that is no certificate', async () => {
    for (const entry of ['&', 'AAAA']) {
      const jwt = await altered({}, { x5c: [entry] })
      await refuses('invalid_request', () => verify(jwt))
    }
  })

  it('rejects a client_id that differs inside the request object (RFC 9101 §5, OpenID4VP 1.0 §5.9.3)', async () => {
    const jwt = await altered({ client_id: clientId.slice('x509_hash:'.length) })
    await refuses('invalid_request', () => verify(jwt))
  })

  it('rejects a chain to no trusted access certificate authority (HAIP 1.0 §5)', async () => {
    const stranger = await testAuthority('relying-party-access')
    const strange = await stranger.leaf()
    const jwt = await signRequestObject(parameters, strange)
    const expectedClientId = x509HashClientId(strange.x5c[0] ?? '')
    await refuses('invalid_request', () => verify(jwt, { expectedClientId }))
  })

  it('rejects the certificate of an issuer of credentials as an access certificate', async () => {
    const issuer = await authority.leaf({ role: 'attestation' })
    const expectedClientId = x509HashClientId(issuer.x5c[0] ?? '')
    const jwt = await signRequestObject(parameters, issuer)
    await refuses('invalid_request', () => verify(jwt, { expectedClientId }))
  })

  it('rejects a signature of another key', async () => {
    const other = await authority.leaf()
    const jwt = await signRequestObject(parameters, { signer: other.signer, x5c: leaf.x5c })
    await refuses('invalid_request', () => verify(jwt))
  })

  it('rejects an expired request object and one from the future', async () => {
    const jwt = await signRequestObject(parameters, leaf)
    expect(() => verify(jwt, { now: NOW + 299 })).not.to.throw()
    await refuses('invalid_request', () => verify(jwt, { now: NOW + 300 }))
    await refuses('invalid_request', () => verify(jwt, { now: NOW - 61 }))
  })

  describe('a client_id of prefix x509_san_dns (OpenID4VP 1.0 §5.9.3)', () => {
    const named = 'x509_san_dns:driver.example'
    /** A request under a DNS name that is right in everything but what the test changes. */
    const asked = async ({
      clientId: id = named,
      responseUri = parameters.responseUri,
      by = leaf,
      x5c = by.x5c,
    }: {
      clientId?: string
      responseUri?: string
      by?: typeof leaf
      x5c?: string[]
    } = {}) =>
      signJwt({
        header: { typ: 'oauth-authz-req+jwt', x5c },
        payload: {
          ...(await payloadOfOurs()),
          client_id: id,
          response_uri: responseUri,
        },
        signer: by.signer,
      })
    const read = (jwt: string, expectedClientId = named) => verify(jwt, { expectedClientId })
    const refusedFor = async (message: RegExp, jwt: string, expectedClientId = named) => {
      expect(() => read(jwt, expectedClientId)).to.throw(ProtocolError, message)
      await refuses('invalid_request', () => read(jwt, expectedClientId))
    }

    it('takes a dNSName of the leaf, and the whole text is the identifier', async () => {
      const verified = read(await asked())
      expect(verified.clientId).to.equal(named)
      expect(verified.verifier.leaf.sanDns).to.deep.equal(['driver.example'])
      const two = await authority.leaf({ sanDns: ['other.example', 'driver.example'] })
      const ofTwo = await asked({ by: two })
      expect(() => read(ofTwo)).to.not.throw()
    })

    it('rejects a name that no dNSName of the leaf matches', async () => {
      for (const sanDns of [['other.example'], ['example'], ['a.driver.example'], []]) {
        const by = await authority.leaf({ sanDns, sanUris: ['https://driver.example'] })
        await refusedFor(/DNS name of the certificate/, await asked({ by }))
      }
    })

    it('rejects a wildcard for the name that it covers', async () => {
      const by = await authority.leaf({ sanDns: ['*.driver.example'] })
      const id = 'x509_san_dns:a.driver.example'
      const jwt = await asked({ by, clientId: id, responseUri: 'https://a.driver.example/r' })
      await refusedFor(/DNS name of the certificate/, jwt, id)
    })

    it('compares names without regard to case (RFC 5280 §7.2)', async () => {
      const by = await authority.leaf({ sanDns: ['DRIVER.example'] })
      const id = 'x509_san_dns:Driver.Example'
      const jwt = await asked({ by, clientId: id, responseUri: 'https://driver.EXAMPLE/r' })
      expect(read(jwt, id).clientId).to.equal(id)
    })

    it('takes a response_uri whose FQDN is the name, whatever port and path', async () => {
      const jwt = await asked({ responseUri: 'https://driver.example:8443/any/path?r=1' })
      expect(() => read(jwt)).to.not.throw()
    })

    for (const responseUri of [
      'https://other.example/r',
      'https://a.driver.example/r',
      'https://example/r',
      'https://driver.example./r',
      'https://driver.example.evil.example/r',
      'https://driver.example@evil.example/r',
      'https://evil.example/driver.example',
      'https://evil.example\\@driver.example/r',
    ]) {
      it(`rejects the response_uri ${responseUri}`, async () => {
        await refusedFor(/response_uri is not on the host/, await asked({ responseUri }))
      })
    }

    it('rejects another dNSName of the same leaf as host of response_uri', async () => {
      const by = await authority.leaf({ sanDns: ['driver.example', 'other.example'] })
      const jwt = await asked({ by, responseUri: 'https://other.example/r' })
      await refusedFor(/response_uri is not on the host/, jwt)
    })

    it('rejects a signature that is not of the leaf', async () => {
      const other = await authority.leaf({ sanDns: ['driver.example'] })
      const jwt = await asked({ by: other, x5c: leaf.x5c })
      await refusedFor(/not signed by its certificate/, jwt)
    })

    it('rejects a chain to no anchor, and the certificate of another role (HAIP 1.0 §5)', async () => {
      const stranger = await testAuthority('relying-party-access')
      const strange = await stranger.leaf({ sanDns: ['driver.example'] })
      await refusedFor(/trusted access certificate/, await asked({ by: strange }))
      const issuer = await authority.leaf({ role: 'attestation', sanDns: ['driver.example'] })
      await refusedFor(/trusted access certificate/, await asked({ by: issuer }))
    })

    it('rejects the name inside for the hash outside, and the hash inside for the name outside', async () => {
      await refusedFor(/differs inside/, await asked(), clientId)
      await refusedFor(/differs inside/, await asked({ clientId }))
    })

    it('is not what a verifier of ours sends (HAIP 1.0 §5)', async () => {
      const jwt = await signRequestObject(parameters, leaf)
      await refusedFor(/differs inside/, jwt)
      expect(verify(jwt).clientId).to.match(/^x509_hash:/)
    })
  })

  it('rejects another audience (OpenID4VP 1.0 §5.8)', async () => {
    await refuses('invalid_request', async () =>
      verify(await altered({ aud: 'https://wallet.example' })),
    )
  })

  it('rejects a wallet_nonce that is not the one sent, or missing (OpenID4VP 1.0 §5.10.1)', async () => {
    const jwt = await signRequestObject({ ...parameters, walletNonce: 'w1' }, leaf)
    expect(() => verify(jwt, { expectedWalletNonce: 'w1' })).not.to.throw()
    await refuses('invalid_request', () => verify(jwt, { expectedWalletNonce: 'w2' }))
    const without = await signRequestObject(parameters, leaf)
    await refuses('invalid_request', () => verify(without, { expectedWalletNonce: 'w1' }))
  })

  it('ignores unknown members and iss (OpenID4VP 1.0 §5)', async () => {
    const jwt = await altered({ iss: 'anyone', extension: { any: 'thing' } })
    expect(() => verify(jwt)).not.to.throw()
  })

  for (const [clause, members] of [
    [
      'a redirect_uri beside direct_post.jwt (OpenID4VP 1.0 §8.2)',
      { redirect_uri: 'https://a.example' },
    ],
    ['scope beside dcql_query (OpenID4VP 1.0 §5.1)', { scope: 'identity' }],
    ['a request inside a request object (RFC 9101 §4)', { request: 'x' }],
    ['a response that would travel unencrypted (HAIP 1.0 §5.1)', { response_mode: 'direct_post' }],
    ['no nonce (OpenID4VP 1.0 §5.2)', { nonce: null }],
    ['a nonce outside the URL-safe characters (OpenID4VP 1.0 §5.2)', { nonce: 'a b' }],
    ['no query (OpenID4VP 1.0 §5.1)', { dcql_query: null }],
    ['a query that is not DCQL (OpenID4VP 1.0 §6)', { dcql_query: { credentials: [] } }],
    ['no client_metadata', { client_metadata: null }],
  ] as const) {
    it(`rejects ${clause}`, async () => {
      await refuses('invalid_request', async () => verify(await altered(members as JsonObject)))
    })
  }

  it('rejects transaction data of a type it does not know (OpenID4VP 1.0 §5.1, §8.5)', async () => {
    await refuses('invalid_transaction_data', async () =>
      verify(await altered({ transaction_data: ['e30'] })),
    )
  })

  describe('the key to answer to (OpenID4VP 1.0 §8.3)', () => {
    const metadata = (keys: JsonObject[], more: JsonObject = {}): JsonObject => ({
      client_metadata: {
        jwks: { keys },
        encrypted_response_enc_values_supported: ['A128GCM'],
        vp_formats_supported: { 'dc+sd-jwt': {} },
        ...more,
      },
    })
    const key = { ...encryptionKey } as unknown as JsonObject

    it('ignores keys of other kinds', async () => {
      const jwt = await altered(metadata([{ kty: 'RSA', n: 'x', e: 'AQAB', kid: 'r' }, key]))
      expect(verify(jwt).encryption).to.deep.equal({ recipient: encryptionKey, enc: 'A128GCM' })
    })

    it('defaults to A128GCM', async () => {
      const jwt = await altered({
        client_metadata: { jwks: { keys: [key] }, vp_formats_supported: { 'dc+sd-jwt': {} } },
      })
      expect(verify(jwt).encryption.enc).to.equal('A128GCM')
    })

    for (const [clause, keys] of [
      ['without a kid', [{ ...key, kid: null }]],
      ['for signatures', [{ ...key, use: 'sig' }]],
      ['with a private member', [{ ...key, d: key.x as string }]],
      ['off the curve', [{ ...key, y: key.x as string }]],
    ] as const) {
      it(`rejects a key ${clause}`, async () => {
        await refuses('invalid_request', async () =>
          verify(await altered(metadata([...keys] as JsonObject[]))),
        )
      })
    }

    it('rejects encryption that it does not do', async () => {
      const jwt = await altered(
        metadata([key], { encrypted_response_enc_values_supported: ['A128CBC-HS256'] }),
      )
      await refuses('invalid_request', () => verify(jwt))
    })

    it('rejects a verifier that takes no SD-JWT VC with ES256', async () => {
      for (const formats of [
        { mso_mdoc: {} },
        { 'dc+sd-jwt': { 'sd-jwt_alg_values': ['ES384'] } },
      ]) {
        const jwt = await altered(metadata([key], { vp_formats_supported: formats }))
        await refuses('vp_formats_not_supported', () => verify(jwt))
      }
    })
  })
})

describe('parseRequestReference', () => {
  const clientId = `x509_hash:${'A'.repeat(43)}`
  const reference = {
    clientId,
    requestUri: 'https://driver.example/requests/o1/object',
    requestUriMethod: 'post',
  } as const

  it('reads what renderRequestReference renders', () => {
    expect(parseRequestReference(renderRequestReference(reference))).to.deep.equal(reference)
    const get = { ...reference, requestUriMethod: 'get' } as const
    expect(parseRequestReference(renderRequestReference(get, 'openid4vp:'))).to.deep.equal(get)
  })

  it('reads a client_id of prefix x509_san_dns (OpenID4VP 1.0 §5.9.3)', () => {
    const named = { ...reference, clientId: 'x509_san_dns:driver.example' }
    expect(parseRequestReference(renderRequestReference(named))).to.deep.equal(named)
  })

  it('ignores parameters outside the request object (RFC 9101 §5)', () => {
    const link = `${renderRequestReference(reference)}&nonce=x&response_uri=https%3A%2F%2Fevil.example`
    expect(parseRequestReference(link)).to.deep.equal(reference)
  })

  it('rejects a repeated parameter', async () => {
    await refuses('invalid_request', () =>
      parseRequestReference(`${renderRequestReference(reference)}&client_id=x`),
    )
  })

  it('rejects another request_uri_method with its own code (OpenID4VP 1.0 §8.5)', async () => {
    for (const method of ['POST', 'put']) {
      const link = `haip-vp://?client_id=${clientId}&request_uri=https://a.example/o&request_uri_method=${method}`
      await refuses('invalid_request_uri_method', () => parseRequestReference(link))
    }
  })

  for (const [what, link] of [
    ['another scheme', `mailto:a?client_id=${clientId}&request_uri=https://a.example`],
    ['no request_uri', `haip-vp://?client_id=${clientId}`],
    [
      'a request_uri that is no web address',
      `haip-vp://?client_id=${clientId}&request_uri=file:///etc/passwd`,
    ],
    ['no client_id', 'haip-vp://?request_uri=https://a.example'],
    ['a client_id without prefix', 'haip-vp://?client_id=driver&request_uri=https://a.example'],
    [
      'a client_id of a prefix that it does not know',
      'haip-vp://?client_id=redirect_uri:https://a.example&request_uri=https://a.example',
    ],
    ['no link', 'hello'],
  ] as const) {
    it(`rejects ${what}`, async () => {
      await refuses('invalid_request', () => parseRequestReference(link))
    })
  }
})

describe('parseClientId', () => {
  it('reads x509_hash and x509_san_dns (OpenID4VP 1.0 §5.9.3)', () => {
    const hash = 'A'.repeat(43)
    expect(parseClientId(`x509_hash:${hash}`)).to.deep.equal({ prefix: 'x509_hash', hash })
    expect(parseClientId('x509_san_dns:Driver-1.example')).to.deep.equal({
      prefix: 'x509_san_dns',
      dnsName: 'driver-1.example',
    })
  })

  for (const original of [
    '',
    '*.driver.example',
    'driver',
    'driver.example.',
    '.driver.example',
    '-driver.example',
    'driver.example:443',
    'https://driver.example',
    'driver.example/path',
    'driver.example\n',
    'dr\u0456ver.example',
    '192.0.2.1',
    '[2001:db8::1]',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(124)}example`,
  ]) {
    it(`rejects ${JSON.stringify(original)} as a DNS name (OpenID4VP 1.0 §5.9.3)`, async () => {
      await refuses('invalid_request', () => parseClientId(`x509_san_dns:${original}`))
    })
  }

  for (const clientId of [
    'https://driver.example',
    'redirect_uri:https://driver.example/cb',
    'x509_san_uri:https://driver.example',
    'X509_SAN_DNS:driver.example',
    'x509_san_dns :driver.example',
    'verifier_attestation:driver.example',
    'openid_federation:https://driver.example',
    'decentralized_identifier:did:web:driver.example',
    'origin:https://driver.example',
    'x509_hash:',
    `x509_hash:${'A'.repeat(44)}`,
    `x509_hash :${'A'.repeat(43)}`,
    `X509_HASH:${'A'.repeat(43)}`,
  ]) {
    it(`rejects ${clientId} (OpenID4VP 1.0 §5.9, HAIP 1.0 §5)`, async () => {
      await refuses('invalid_request', () => parseClientId(clientId))
    })
  }
})
