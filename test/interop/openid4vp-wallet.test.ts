import { createHash, X509Certificate } from 'node:crypto'
import { setGlobalConfig } from '@openid4vc/oauth2'
import { Openid4vpClient } from '@openid4vc/openid4vp'
import { expect } from 'chai'
import * as jose from 'jose'
import { systemClock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import { presentSdJwt } from '../../shared/sd-jwt/present.ts'
import {
  type Ecosystem,
  makeEcosystem,
  type Platform,
  SPECIMEN_CLAIMS,
  startPlatform,
} from '../support/platform.ts'

/** Another project's wallet library against our running verifier: it reads our requests and we read its answers. */
describe('@openid4vc/openid4vp 0.4.6 as a wallet', () => {
  let ecosystem: Ecosystem
  let platform: Platform

  before(async () => {
    setGlobalConfig({ allowInsecureUrls: true })
    // The library reads the clock itself.
    ecosystem = await makeEcosystem(systemClock())
    platform = await startPlatform(ecosystem)
  })
  after(async () => {
    await platform.stop()
  })

  const wallet = new Openid4vpClient({
    callbacks: {
      hash: (data, alg) => createHash(alg.replace('-', '')).update(data).digest(),
      fetch: (input, init) => fetch(input, init),
      signJwt: () => {
        throw new Error('a wallet signs no request')
      },
      verifyJwt: async (signer, { compact }) => {
        if (signer.method !== 'x5c') return { verified: false }
        const certificate = new X509Certificate(Buffer.from(signer.x5c[0] ?? '', 'base64'))
        await jose.compactVerify(compact, certificate.publicKey)
        const signerJwk = await jose.exportJWK(certificate.publicKey)
        return { verified: true, signerJwk: signerJwk as never }
      },
      encryptJwe: async (encryptor, data) => {
        if (encryptor.method !== 'jwk') throw new Error('not a jwk')
        const { alg, enc, publicJwk } = encryptor as typeof encryptor & {
          publicJwk: jose.JWK & { kid: string }
        }
        const jwe = await new jose.CompactEncrypt(new TextEncoder().encode(data))
          .setProtectedHeader({ alg, enc, kid: publicJwk.kid })
          .encrypt(await jose.importJWK(publicJwk, alg))
        return { jwe, encryptionJwk: encryptor.publicJwk }
      },
      decryptJwe: () => {
        throw new Error('a wallet decrypts no response')
      },
      getX509CertificateMetadata: (certificate) => {
        const { subjectAltName = '' } = new X509Certificate(Buffer.from(certificate, 'base64'))
        const names = subjectAltName.split(', ')
        return {
          sanDnsNames: names.filter((n) => n.startsWith('DNS:')).map((n) => n.slice(4)),
          sanUriNames: names.filter((n) => n.startsWith('URI:')).map((n) => n.slice(4)),
        }
      },
    },
  })

  /** What the library's wallet does with a link, up to the answer it would encrypt. */
  const resolve = async (link: string) => {
    const { params } = wallet.parseOpenid4vpAuthorizationRequest({ authorizationRequest: link })
    return wallet.resolveOpenId4vpAuthorizationRequest({ authorizationRequestPayload: params })
  }

  const submit = async (
    resolved: Awaited<ReturnType<typeof resolve>>,
    presentations: [string, ...string[]],
  ): Promise<{ status: number; body: JsonObject }> => {
    const { authorizationRequestPayload } = resolved
    const created = await wallet.createOpenid4vpAuthorizationResponse({
      authorizationRequestPayload,
      authorizationResponsePayload: { vp_token: { identity: presentations } },
      jarm: {
        serverMetadata: {
          authorization_signing_alg_values_supported: [],
          authorization_encryption_alg_values_supported: ['ECDH-ES'],
          authorization_encryption_enc_values_supported: ['A128GCM', 'A256GCM'],
        },
        encryption: { nonce: 'unused' },
      },
    })
    const { response } = await wallet.submitOpenid4vpAuthorizationResponse({
      authorizationRequestPayload: authorizationRequestPayload as never,
      authorizationResponsePayload: created.authorizationResponsePayload,
      ...(created.jarm ? { jarm: created.jarm } : {}),
    })
    return { status: response.status, body: (await response.clone().json()) as JsonObject }
  }

  it('reads our request, answers it, and is accepted', async () => {
    const { id, link } = await platform.request()
    const resolved = await resolve(link)
    expect(resolved.client.prefix).to.equal('x509_hash')
    const { credentials } = resolved.dcql?.query as {
      credentials: { id: string; claims: { path: string[] }[] }[]
    }
    expect(credentials.map((query) => query.id)).to.deep.equal(['identity'])

    const { sdJwt, holder } = await ecosystem.issue()
    const { client_id, nonce } = resolved.authorizationRequestPayload
    expect(client_id).to.equal(platform.clientId)
    const presentation = await presentSdJwt({
      sdJwt,
      disclose: (credentials[0]?.claims ?? []).map(({ path }) => path),
      keyBinding: {
        signer: holder,
        audience: String(client_id),
        nonce: String(nonce),
        now: ecosystem.now,
      },
    })
    expect(await submit(resolved, [presentation])).to.deep.equal({ status: 200, body: {} })
    const { body } = await platform.call(`/requests/${id}`)
    expect(body.acceptance).to.deep.equal({ outcome: 'accept', codes: [] })
    expect((body.claims as { identity: JsonObject }).identity.family_name).to.equal(
      SPECIMEN_CLAIMS.family_name,
    )
  })

  it('is told when we refuse what it sends', async () => {
    const { link } = await platform.request()
    const resolved = await resolve(link)
    const { status, body } = await submit(resolved, ['eyJ.eyJ.c~'])
    expect({ status, code: body.code }).to.deep.equal({
      status: 400,
      code: 'presentation_malformed',
    })
  })
})
