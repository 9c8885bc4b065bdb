import { expect } from 'chai'
import { createDidAgent } from '../../../shared/did/agent.veramo.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { systemRandom } from '../../../shared/random.ts'
import { issueSdJwt } from '../../../shared/sd-jwt/issue.ts'
import { presentSdJwt } from '../../../shared/sd-jwt/present.ts'
import { parsePolicy } from '../../../verifier/policy/policy.ts'
import { verifyPresentation } from '../../../verifier/presentation/verify.ts'
import { NOW } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const VCT = 'urn:carnet:identity:1'
const STATUS = { idx: 3, uri: 'https://issuer.example/status/1' }

describe('a presentation of a credential whose issuer is a decentralized identifier', () => {
  const agent = createDidAgent({
    fetch: () => Promise.reject(new Error('no network in this test')),
  })
  const issuer = generateEs256Key().signer
  const holder = generateEs256Key().signer
  let did: string
  let keyId: string
  before(async () => {
    const own = await agent.create('key', issuer)
    did = own.did
    keyId = own.keyId
  })
  const policy = parsePolicy({
    id: 'test',
    version: 1,
    trust_level: 'TL1',
    title: 'Test',
    purpose: 'To test',
    query: {
      credentials: [
        {
          id: 'identity',
          format: 'dc+sd-jwt',
          meta: { vct_values: [VCT] },
          claims: [{ path: ['given_name'] }],
        },
      ],
    },
    key_binding: { max_age_seconds: 300 },
    credentials: {
      identity: {
        issuers: 'trust_list',
        status: { max_staleness_seconds: 60, suspended: 'review', undetermined: 'refuse' },
        rules: [],
      },
    },
  })
  const leafNaming = (uri: string) => ({
    publicJwk: issuer.publicJwk,
    subjectName: 'Status signer',
    sanDns: [],
    sanUris: [uri],
    sha256: '00',
    notAfter: NOW + 600,
  })
  async function present(): Promise<string> {
    const sdJwt = await issueSdJwt({
      header: { typ: 'dc+sd-jwt', kid: keyId },
      claims: {
        iss: did,
        vct: VCT,
        exp: NOW + 600,
        cnf: { jwk: { ...holder.publicJwk } },
        status: { status_list: STATUS },
        given_name: 'Ada',
      },
      disclosable: [['given_name']],
      signer: issuer,
      random: systemRandom,
    })
    const keyBinding = { signer: holder, audience: 'x509_hash:me', nonce: 'n', now: NOW }
    return presentSdJwt({ sdJwt, disclose: [['given_name']], keyBinding })
  }
  const verify = async (dids: readonly string[] | undefined, asked: object[] = []) =>
    verifyPresentation(
      { identity: [await present()] },
      {
        expectedClientId: 'x509_hash:me',
        expectedNonce: 'n',
        policy,
        anchors: () => [],
        now: NOW,
        ...(dids ? { dids: { trustedDids: () => dids, resolveDid: agent.resolve } } : {}),
      },
      async (reference, { acceptsSigner, didKey }) => {
        asked.push({
          reference,
          didKey,
          same: acceptsSigner(leafNaming(did)),
          other: acceptsSigner(leafNaming('did:key:zOther')),
        })
        return { verdict: 'valid' }
      },
    )

  it('counts when the trust list names the identifier, and its status under its key or a certificate of that name', async () => {
    const asked: object[] = []
    const { credentials } = await verify([did], asked)
    expect(credentials[0]).to.deep.include({ issuer: did, issuerGround: { didKeyId: keyId } })
    const didKey = { keyId, publicJwk: issuer.publicJwk }
    expect(asked).to.deep.equal([{ reference: STATUS, didKey, same: true, other: false }])
  })

  it('is refused when the trust list does not name it, or nobody resolves identifiers', async () => {
    await refuses('presentation_untrusted', () => verify([]))
    await refuses('presentation_untrusted', () => verify(['did:key:zOther']))
    await refuses('presentation_untrusted', () => verify(undefined))
  })
})
