import { expect } from 'chai'
import { signCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { decodeEntry, encodeEntry } from '../../../shared/audit/entry.ts'
import { AuditError } from '../../../shared/audit/error.ts'
import { hashLeaf } from '../../../shared/audit/merkle.ts'
import { noteVerifier } from '../../../shared/audit/note.ts'
import { parseTlogProof, renderTlogProof, verifyTlogProof } from '../../../shared/audit/proof.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { rootOf } from '../../support/root-of.ts'

const origin = 'example.com/log'
const { signer } = generateEd25519Key()
const log = noteVerifier(origin, signer.publicJwk)
const [first, second] = [Buffer.from('first'), Buffer.from('second')]

async function proofOfSecond(extra?: Buffer): Promise<string> {
  const root = rootOf([hashLeaf(first), hashLeaf(second)])
  const checkpoint = await signCheckpoint({ origin, size: 2, root }, signer)
  return renderTlogProof({
    index: 1,
    hashes: [hashLeaf(first)],
    checkpoint,
    ...(extra === undefined ? {} : { extra }),
  })
}

describe('verifyTlogProof', () => {
  it('accepts the entry at its place', async () => {
    expect(verifyTlogProof(await proofOfSecond(), second, log).index).to.equal(1)
  })

  it('rejects another entry', async () => {
    const proof = await proofOfSecond()
    expect(() => verifyTlogProof(proof, first, log))
      .to.throw(AuditError)
      .with.property('code', 'proof_invalid')
  })

  it('rejects any changed byte, the opaque extra line excepted ("not authenticated")', async () => {
    const bytes = Buffer.from(await proofOfSecond())
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 1
      expect(() => verifyTlogProof(changed.toString(), second, log), `byte ${at}`).to.throw(
        AuditError,
      )
    }
  })

  it('gives back the extra data', async () => {
    const proof = parseTlogProof(await proofOfSecond(Buffer.from('leaf')))
    expect(proof.extra?.toString()).to.equal('leaf')
  })
})

describe('parseTlogProof', () => {
  for (const [what, from, to] of [
    ['another version', '@v1', '@v2'],
    ['a leading zero', 'index 1', 'index 01'],
    ['no index', 'index 1\n', ''],
    ['extra data that is not base64', 'index 1', 'extra !\nindex 1'],
    ['extra data twice', 'index 1', 'extra YQ==\nextra YQ==\nindex 1'],
    ['a short hash', '\n\nexample', '\nYQ==\n\nexample'],
  ] as const) {
    it(`rejects ${what} (C2SP tlog-proof, "Format")`, async () => {
      const proof = await proofOfSecond()
      expect(() => parseTlogProof(proof.replace(from, to)))
        .to.throw(AuditError)
        .with.property('code', 'proof_malformed')
    })
  }
})

describe('decodeEntry', () => {
  it('reads the canonical form', () => {
    const entry = { type: 'a', at: 1, b: [1, { c: 'd' }] }
    expect(encodeEntry(entry).toString()).to.equal('{"at":1,"b":[1,{"c":"d"}],"type":"a"}')
    expect(decodeEntry(encodeEntry(entry))).to.deep.equal(entry)
  })

  for (const text of [
    '',
    '{}',
    '[]',
    '{"at":1}',
    '{"at":"1","type":"a"}',
    '{"type":"a","at":1}',
    '{"at":1,"type":"a"} ',
    '{"at":1,"at":1,"type":"a"}',
  ]) {
    it(`rejects ${text || 'nothing'}`, () => {
      expect(() => decodeEntry(Buffer.from(text)))
        .to.throw(AuditError)
        .with.property('code', 'entry_malformed')
    })
  }
})
