import { expect } from 'chai'
import { verifyCredential, verifyPresentation } from 'did-jwt-vc'
import { createDidAgent } from '../../shared/did/agent.veramo.ts'
import { type DidSigner, renderJwtVc, renderJwtVp } from '../../shared/did/jwt-vc.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'

const now = Math.floor(Date.now() / 1000) // did-jwt reads the clock itself
const agent = createDidAgent({ fetch: () => Promise.reject(new Error('no network in this test')) })
const { resolver } = agent

async function didSigner(method: 'key' | 'jwk'): Promise<DidSigner> {
  const { signer } = generateEs256Key()
  return { ...(await agent.create(method, signer)), signer }
}

describe('a W3C rendering of the same claims', () => {
  let issuer: DidSigner
  let holder: DidSigner
  before(async () => {
    issuer = await didSigner('key')
    holder = await didSigner('jwk')
  })
  const claims = {
    iss: 'https://issuer.example',
    exp: now + 3600,
    vct: 'urn:carnet:identity:1',
    cnf: { jwk: {} },
    status: { status_list: { idx: 3, uri: 'https://issuer.example/status/1' } },
    given_name: 'Erika',
    age_equal_or_over: { 18: true },
  }
  const render = (overrides: object = {}) =>
    renderJwtVc({
      claims,
      vct: 'urn:carnet:identity:1',
      issuer,
      holderDid: holder.did,
      issuedAt: now - 60,
      expires: now + 3600,
      ...overrides,
    })
  const present = async (overrides: object = {}) =>
    renderJwtVp({
      credentials: [await render()],
      holder,
      audience: 'https://verifier.example',
      nonce: 'n-1',
      now,
      validSeconds: 300,
      ...overrides,
    })
  const refusal = async (act: () => Promise<unknown>): Promise<string> => {
    try {
      await act()
    } catch (error) {
      return (error as Error).message
    }
    return 'accepted'
  }

  it('is verified by did-jwt-vc, with the same subject, validity and status (VC Data Model 1.1 §6.3.1)', async () => {
    const {
      verifiableCredential,
      payload,
      issuer: signedBy,
    } = await verifyCredential(await render(), resolver)
    expect(signedBy).to.equal(issuer.did)
    expect(verifiableCredential.credentialSubject).to.deep.equal({
      id: holder.did,
      given_name: 'Erika',
      age_equal_or_over: { 18: true },
    })
    expect(verifiableCredential.type).to.deep.equal([
      'VerifiableCredential',
      'urn:carnet:identity:1',
    ])
    expect(payload.exp).to.equal(now + 3600)
    expect(payload.status).to.deep.equal(claims.status)
  })

  it('is refused by did-jwt-vc when changed, expired or signed by another', async () => {
    const credential = await render()
    const [header, , signature] = credential.split('.')
    const forged = Buffer.from(JSON.stringify({ iss: issuer.did, nbf: now, vc: {} })).toString(
      'base64url',
    )
    expect(
      await refusal(() => verifyCredential(`${header}.${forged}.${signature}`, resolver)),
    ).to.not.equal('accepted')
    const old = await render({ issuedAt: now - 7200, expires: now - 3600 })
    expect(await refusal(() => verifyCredential(old, resolver))).to.include('expired')
    const impostor = await render({ issuer: { ...issuer, signer: holder.signer } })
    expect(await refusal(() => verifyCredential(impostor, resolver))).to.not.equal('accepted')
  })

  it('is presented to one verifier for one transaction (OpenID4VP 1.0 Appendix B.1)', async () => {
    const presentation = await present()
    const asked = { domain: 'https://verifier.example', challenge: 'n-1' }
    const { verifiablePresentation, issuer: signedBy } = await verifyPresentation(
      presentation,
      resolver,
      asked,
    )
    expect(signedBy).to.equal(holder.did)
    const [credential] = verifiablePresentation.verifiableCredential ?? []
    expect(credential?.credentialSubject.given_name).to.equal('Erika')
    for (const wrong of [
      { ...asked, domain: 'https://other.example' },
      { ...asked, challenge: 'n-2' },
    ]) {
      expect(await refusal(() => verifyPresentation(presentation, resolver, wrong))).to.not.equal(
        'accepted',
      )
    }
    const expired = await present({ now: now - 3600, validSeconds: 60 })
    expect(await refusal(() => verifyPresentation(expired, resolver, asked))).to.include('expired')
  })
})
