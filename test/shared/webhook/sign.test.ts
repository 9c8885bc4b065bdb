import { expect } from 'chai'
import { createVerifier, httpbis } from 'http-message-signatures'
import { publicKeyObject } from '../../../shared/jose/jwk.ts'
import { jwkThumbprint } from '../../../shared/jose/thumbprint.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { renderEvent, type WebhookEvent } from '../../../shared/webhook/event.ts'
import { contentDigest, signDelivery } from '../../../shared/webhook/sign.ts'
import { type Delivery, MAX_AGE_SECONDS, verifyDelivery } from '../../../shared/webhook/verify.ts'
import { refuses } from '../../support/refusal.ts'

const NOW = 1_800_000_000
const URL_OF_RECEIVER = 'https://platform.example/hooks/carnet?of=issuer'
const event: WebhookEvent = {
  id: '9b0f3a52c1d84e6fa7e0d1c2b3a49586',
  type: 'carnet.session.decided.v1',
  subject: 'a-session',
  sequence: 2,
  at: NOW - 4000,
  data: { outcome: 'approve' },
}
const { signer } = generateEd25519Key()
const body = renderEvent(event, 'https://issuer.example')

async function signed(changes: Partial<Delivery> = {}, at = NOW): Promise<Delivery> {
  const headers = await signDelivery({ url: URL_OF_RECEIVER, body }, signer, at)
  return { method: 'POST', url: URL_OF_RECEIVER, headers: { ...headers }, body, ...changes }
}

const verify = (delivery: Delivery, now = NOW) =>
  verifyDelivery(delivery, { keys: [generateEd25519Key().signer.publicJwk, signer.publicJwk], now })

describe('a signed delivery (RFC 9421)', () => {
  it('is the event that was sent, and says who tells it', async () => {
    expect(verify(await signed())).to.deep.equal({ ...event, source: 'https://issuer.example' })
  })

  it('is a CloudEvents 1.0 JSON event, the same bytes every time', () => {
    expect(JSON.parse(body.toString())).to.deep.equal({
      specversion: '1.0',
      id: event.id,
      source: 'https://issuer.example',
      type: 'carnet.session.decided.v1',
      subject: 'a-session',
      time: '2027-01-15T06:53:20Z',
      sequence: '000000000002',
      datacontenttype: 'application/json',
      data: { outcome: 'approve' },
    })
    expect(renderEvent(event, 'https://issuer.example').equals(body)).to.equal(true)
  })

  it('names the digest of RFC 9530 B.1', () => {
    expect(contentDigest(Buffer.from('{"hello": "world"}\n'))).to.equal(
      'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:',
    )
  })

  it('verifies with http-message-signatures, an independent implementation', async () => {
    const { headers } = await signed()
    const key = createVerifier(publicKeyObject(signer.publicJwk), 'ed25519')
    const verified = await httpbis.verifyMessage(
      {
        requiredFields: ['@method', '@target-uri', 'content-digest'],
        notAfter: NOW + 10,
        keyLookup: async ({ keyid }) =>
          keyid === jwkThumbprint(signer.publicJwk)
            ? { id: keyid, algs: ['ed25519'], verify: key }
            : null,
      },
      { method: 'POST', url: URL_OF_RECEIVER, headers: headers as Record<string, string> },
    )
    expect(verified).to.equal(true)
  })

  it('verifies when http-message-signatures made it', async () => {
    const unsigned = {
      'content-type': 'application/cloudevents+json',
      'content-digest': contentDigest(body),
    }
    const { headers } = await httpbis.signMessage(
      {
        name: 'carnet',
        key: {
          id: jwkThumbprint(signer.publicJwk),
          alg: 'ed25519',
          sign: async (data) => Buffer.from(await signer.sign(data)),
        },
        fields: ['@method', '@target-uri', 'content-type', 'content-digest'],
        params: ['created', 'keyid', 'alg', 'tag'],
        paramValues: { created: new Date(NOW * 1000), tag: 'carnet-webhook' },
      },
      { method: 'POST', url: URL_OF_RECEIVER, headers: unsigned },
    )
    expect(verify(await signed({ headers })).id).to.equal(event.id)
  })

  it('verifies for five minutes and not a second longer', async () => {
    expect(verify(await signed(), NOW + MAX_AGE_SECONDS).id).to.equal(event.id)
    await refuses('signature_stale', async () => verify(await signed(), NOW + MAX_AGE_SECONDS + 1))
    expect(verify(await signed({}, NOW + 10)).id).to.equal(event.id)
    await refuses('signature_stale', async () => verify(await signed({}, NOW + 11)))
  })

  it('verifies at the address that it was made for only', async () => {
    await refuses('signature_invalid', async () =>
      verify(await signed({ url: 'https://platform.example/hooks/other' })),
    )
  })

  it('is refused when any byte of the body was changed', async () => {
    const changed = Buffer.from(body.toString().replace('approve', 'refused'))
    await refuses('digest_mismatch', async () => verify(await signed({ body: changed })))
    const { headers } = await signed()
    await refuses('signature_invalid', async () =>
      verify(
        await signed({
          body: changed,
          headers: { ...headers, 'content-digest': contentDigest(changed) },
        }),
      ),
    )
  })

  it('is refused under a key that is not the sender’s', async () => {
    const other = generateEd25519Key().signer
    const headers = await signDelivery({ url: URL_OF_RECEIVER, body }, other, NOW)
    await refuses('key_unknown', async () => verify(await signed({ headers: { ...headers } })))
  })

  it('is refused without a signature, with two, and when a field comes twice', async () => {
    const { headers } = await signed()
    const { signature: _, ...unsigned } = headers
    await refuses('signature_missing', async () => verify(await signed({ headers: unsigned })))
    await refuses('signature_missing', async () =>
      verify(await signed({ headers: { ...headers, Signature: String(headers.signature) } })),
    )
    await refuses('signature_malformed', async () =>
      verify(
        await signed({ headers: { ...headers, signature: `${headers.signature}, b=:AAAA:` } }),
      ),
    )
    await refuses('signature_missing', async () =>
      verify(await signed({ headers: { ...headers, 'content-digest': ['a', 'b'] } })),
    )
  })

  it('is refused when it covers less, in another order, or for another purpose', async () => {
    const { headers } = await signed()
    const input = String(headers['signature-input'])
    for (const other of [
      input.replace(' "content-digest"', ''),
      input.replace('"@method" "@target-uri"', '"@target-uri" "@method"'),
      input.replace('carnet-webhook', 'another-use'),
      input.replace('alg="ed25519"', 'alg="hmac-sha256"'),
      input.replace(/;created=\d+/, ''),
      `${input}${' '.repeat(2000)}`,
    ]) {
      await refuses('signature_malformed', async () =>
        verify(await signed({ headers: { ...headers, 'signature-input': other } })),
      )
    }
  })

  it('is refused when it is no event of ours, though signed', async () => {
    for (const text of [
      '[]',
      'no json',
      JSON.stringify({ ...JSON.parse(body.toString()), type: 'carnet.unknown.v1' }),
      JSON.stringify({ ...JSON.parse(body.toString()), sequence: '2' }),
      JSON.stringify({ ...JSON.parse(body.toString()), id: '' }),
      `{"pad":"${'x'.repeat(1 << 16)}"}`,
    ]) {
      const other = Buffer.from(text)
      const headers = await signDelivery({ url: URL_OF_RECEIVER, body: other }, signer, NOW)
      await refuses('event_malformed', async () =>
        verify(await signed({ body: other, headers: { ...headers } })),
      )
    }
  })

  it('is a POST', async () => {
    await refuses('signature_malformed', async () => verify(await signed({ method: 'PUT' })))
  })
})
