import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { ROLE_KEY_PURPOSE } from '../../../shared/trust/role.ts'
import { verifyX5c } from '../../../shared/trust/x5c.ts'
import { NOW } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
}
type KeyPair = webcrypto.CryptoKeyPair
const generate = (algorithm: object = ES256) =>
  webcrypto.subtle.generateKey(algorithm as never, true, ['sign', 'verify']) as Promise<KeyPair>
// Only the generator's types differ from the ones of node:crypto.
const provider = webcrypto as unknown as Parameters<typeof X509CertificateGenerator.create>[1]

const authority = () => [
  new BasicConstraintsExtension(true, undefined, true),
  new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
]
const leafExtensions = () => [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true)]

interface Made {
  readonly keys: KeyPair
  readonly name: string
  readonly certificate: X509Certificate
}

/** Makes a certificate with exactly these extensions, right or wrong. */
async function make({
  name,
  issuer,
  extensions,
  algorithm = ES256,
  signingAlgorithm = ES256,
}: {
  name: string
  issuer?: { keys: KeyPair; name: string }
  extensions: Extension[]
  algorithm?: object
  signingAlgorithm?: object
}): Promise<Made> {
  const keys = await generate(algorithm)
  const certificate = await X509CertificateGenerator.create(
    {
      subject: `CN=${name}`,
      issuer: `CN=${issuer?.name ?? name}`,
      serialNumber: '0a',
      notBefore: new Date((NOW - 1000) * 1000),
      notAfter: new Date((NOW + 1000) * 1000),
      publicKey: keys.publicKey,
      signingKey: (issuer?.keys ?? keys).privateKey,
      signingAlgorithm: signingAlgorithm as never,
      extensions,
    },
    provider,
  )
  return { keys, name, certificate }
}

const base64 = ({ certificate }: Made) => Buffer.from(certificate.rawData).toString('base64')
const verify = (chain: readonly Made[], anchor: Made) =>
  verifyX5c(chain.map(base64), {
    role: 'attestation',
    anchors: () => [new Uint8Array(anchor.certificate.rawData)],
    now: NOW,
  })

describe('the rules of a path', () => {
  let root: Made
  before(async () => {
    root = await make({ name: 'root', extensions: authority() })
  })
  const leafWith = (extensions: Extension[], options: object = {}) =>
    make({ name: 'leaf', issuer: root, extensions, ...options })

  it('take a leaf without key purpose under an anchor of the role, and one that names the role among others', async () => {
    verify([await leafWith(leafExtensions())], root)
    const purposes = ['1.3.6.1.5.5.7.3.2', ROLE_KEY_PURPOSE.attestation]
    verify([await leafWith([...leafExtensions(), new ExtendedKeyUsageExtension(purposes)])], root)
  })

  it('refuse a leaf for TLS servers or for any purpose (RFC 5280 §4.2.1.12)', async () => {
    for (const purpose of ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']) {
      const leaf = await leafWith([...leafExtensions(), new ExtendedKeyUsageExtension([purpose])])
      await refuses('key_usage', () => verify([leaf], root))
    }
  })

  it('refuse a leaf whose key is not for signing (RFC 5280 §4.2.1.3)', async () => {
    const leaf = await leafWith([new KeyUsagesExtension(KeyUsageFlags.keyAgreement, true)])
    await refuses('key_usage', () => verify([leaf], root))
  })

  it('refuse a leaf that is not on P-256 (HAIP 1.0 §7)', async () => {
    const rsa = await leafWith(leafExtensions(), { algorithm: RSA })
    await refuses('key_usage', () => verify([rsa], root))
    const p384 = await leafWith(leafExtensions(), {
      algorithm: { name: 'ECDSA', namedCurve: 'P-384' },
    })
    await refuses('key_usage', () => verify([p384], root))
  })

  it('refuse an extension that is critical and not processed, in leaf and anchor (RFC 5280 §4.2)', async () => {
    const unknown = (critical: boolean) =>
      new Extension('1.2.3.4', critical, new Uint8Array([5, 0]))
    verify([await leafWith([...leafExtensions(), unknown(false)])], root)
    const leaf = await leafWith([...leafExtensions(), unknown(true)])
    await refuses('chain_invalid', () => verify([leaf], root))
    const nameConstraints = new Extension('2.5.29.30', true, new Uint8Array([0x30, 0]))
    const constrained = await make({ name: 'root', extensions: [...authority(), nameConstraints] })
    const below = await make({ name: 'leaf', issuer: constrained, extensions: leafExtensions() })
    await refuses('chain_invalid', () => verify([below], constrained))
  })

  it('refuse a repeated extension (RFC 5280 §4.2)', async () => {
    const leaf = await leafWith([...leafExtensions(), ...leafExtensions()])
    await refuses('malformed', () => verify([leaf], root))
  })

  it('refuse an issuer that may not sign certificates or is no authority (RFC 5280 §6.1.4 k, n)', async () => {
    for (const [code, extensions] of [
      ['chain_invalid', [new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)]],
      [
        'chain_invalid',
        [new BasicConstraintsExtension(false, undefined, true), ...authority().slice(1)],
      ],
      ['key_usage', [new BasicConstraintsExtension(true, undefined, true)]],
      [
        'key_usage',
        [
          new BasicConstraintsExtension(true, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        ],
      ],
    ] as const) {
      const anchor = await make({ name: 'anchor', extensions: [...extensions] })
      const leaf = await make({ name: 'leaf', issuer: anchor, extensions: leafExtensions() })
      await refuses(code, () => verify([leaf], anchor))
      const middle = await make({ name: 'middle', issuer: root, extensions: [...extensions] })
      const below = await make({ name: 'leaf', issuer: middle, extensions: leafExtensions() })
      await refuses(code, () => verify([below, middle], root))
    }
  })

  it('refuse a path longer than its constraint (RFC 5280 §6.1.4 l, m)', async () => {
    const short = await make({
      name: 'short',
      extensions: [new BasicConstraintsExtension(true, 0, true), ...authority().slice(1)],
    })
    const middle = await make({ name: 'middle', issuer: short, extensions: authority() })
    const direct = await make({ name: 'leaf', issuer: short, extensions: leafExtensions() })
    verify([direct], short)
    const below = await make({ name: 'leaf', issuer: middle, extensions: leafExtensions() })
    await refuses('chain_invalid', () => verify([below, middle], short))
    const first = await make({
      name: 'first',
      issuer: root,
      extensions: [new BasicConstraintsExtension(true, 0, true), ...authority().slice(1)],
    })
    const second = await make({ name: 'second', issuer: first, extensions: authority() })
    const last = await make({ name: 'leaf', issuer: second, extensions: leafExtensions() })
    await refuses('chain_invalid', () => verify([last, second, first], root))
  })

  it('refuse a certificate that the next one did not sign (RFC 5280 §6.1.3 a 1)', async () => {
    const middle = await make({ name: 'middle', issuer: root, extensions: authority() })
    const good = await make({ name: 'leaf', issuer: middle, extensions: leafExtensions() })
    verify([good, middle], root)
    const stranger = { keys: await generate(), name: 'middle' }
    const forged = await make({ name: 'leaf', issuer: stranger, extensions: leafExtensions() })
    await refuses('chain_invalid', () => verify([forged, middle], root))
    const direct = await leafWith(leafExtensions())
    await refuses('chain_invalid', () => verify([direct, middle], root))
    const twin = await make({ name: 'middle', issuer: root, extensions: authority() })
    await refuses('chain_invalid', () => verify([good, twin], root))
  })

  it('refuse an issuer name that is not the subject above, although its key signed (RFC 5280 §6.1.3 a 4)', async () => {
    const middle = await make({ name: 'middle', issuer: root, extensions: authority() })
    const leafUnder = ({ keys }: Made) =>
      make({ name: 'leaf', issuer: { keys, name: 'other' }, extensions: leafExtensions() })
    const belowMiddle = await leafUnder(middle)
    await refuses('chain_invalid', () => verify([belowMiddle, middle], root))
    const belowRoot = await leafUnder(root)
    await refuses('not_trusted', () => verify([belowRoot], root))
  })

  it('refuse a key identifier that is not the issuer’s, although the signature is (RFC 5280 §4.2.1.1)', async () => {
    const anchor = await make({
      name: 'anchor',
      extensions: [...authority(), new SubjectKeyIdentifierExtension('0102')],
    })
    // AuthorityKeyIdentifier { keyIdentifier 0103 }
    const wrong = new Extension('2.5.29.35', false, Buffer.from('300480020103', 'hex'))
    const right = new Extension('2.5.29.35', false, Buffer.from('300480020102', 'hex'))
    const leafUnder = (identifier: Extension) =>
      make({ name: 'leaf', issuer: anchor, extensions: [...leafExtensions(), identifier] })
    verify([await leafUnder(right)], anchor)
    const leaf = await leafUnder(wrong)
    await refuses('not_trusted', () => verify([leaf], anchor))
  })

  it('refuse a signature over SHA-1', async () => {
    const leaf = await leafWith(leafExtensions(), { signingAlgorithm: { ...ES256, hash: 'SHA-1' } })
    await refuses('malformed', () => verify([leaf], root))
  })

  it('tell two anchors of one name apart by their keys', async () => {
    const twin = await make({ name: 'root', extensions: authority() })
    const leaf = await leafWith(leafExtensions())
    const anchors = [twin, root].map(({ certificate }) => new Uint8Array(certificate.rawData))
    verifyX5c([base64(leaf)], { role: 'attestation', anchors: () => anchors, now: NOW })
    await refuses('not_trusted', () => verify([leaf], twin))
  })
})
