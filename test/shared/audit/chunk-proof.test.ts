import { expect } from 'chai'
import fc from 'fast-check'
import { checkStatusProof } from '../../../shared/audit/check-status-proof.ts'
import { signCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { checkChunkProof, chunkRoot, proveStatus } from '../../../shared/audit/chunk-proof.ts'
import { encodeEntry } from '../../../shared/audit/entry.ts'
import { AuditError } from '../../../shared/audit/error.ts'
import { hashLeaf } from '../../../shared/audit/merkle.ts'
import { noteVerifier } from '../../../shared/audit/note.ts'
import { renderTlogProof } from '../../../shared/audit/proof.ts'
import { sha256Hex } from '../../../shared/hash.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import {
  readStatus,
  type StatusBits,
  statusListBytes,
  writeStatus,
} from '../../../shared/status-list/bits.ts'

describe('chunkRoot', () => {
  it('hashes chunks of 64 bytes as RFC 6962 hashes leaves', () => {
    const list = Buffer.from(Array.from({ length: 130 }, (_, n) => n))
    const leaf = (bytes: Uint8Array) =>
      Buffer.from(sha256Hex(Buffer.concat([Buffer.of(0), bytes])), 'hex')
    const node = (left: Uint8Array, right: Uint8Array) =>
      Buffer.from(sha256Hex(Buffer.concat([Buffer.of(1), left, right])), 'hex')
    const left = node(leaf(list.subarray(0, 64)), leaf(list.subarray(64, 128)))
    expect(chunkRoot(list)).to.deep.equal(node(left, leaf(list.subarray(128))))
  })
})

describe('proveStatus', () => {
  it('takes 448 bytes for a list of 2^20 entries of two bits', () => {
    const list = statusListBytes(2 ** 20, 2)
    writeStatus(list, { bits: 2, idx: 777_777, status: 1 })
    const proof = proveStatus(list, 2, 777_777)
    expect(proof.length).to.equal(448)
    const shape = { root: chunkRoot(list).toString('base64url'), bits: 2 as const, size: 2 ** 20 }
    expect(checkChunkProof(proof, shape, 777_777)).to.equal(1)
    expect(checkChunkProof(proof, shape, 777_776)).to.equal(0)
    expect(() => checkChunkProof(proof, shape, 0)).to.throw(AuditError)
  })

  it('shows every status of every list, and another of none', () => {
    const lists = fc.record({
      bits: fc.constantFrom<StatusBits>(1, 2, 4, 8),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 500 }),
      place: fc.nat(),
      flip: fc.nat(),
    })
    fc.assert(
      fc.property(lists, ({ bits, bytes, place, flip }) => {
        const size = (bytes.length * 8) / bits
        const idx = place % size
        const shape = { root: chunkRoot(bytes).toString('base64url'), bits, size }
        const proof = proveStatus(bytes, bits, idx)
        expect(checkChunkProof(proof, shape, idx)).to.equal(readStatus(bytes, bits, idx))
        const at = flip % proof.length
        proof[at] = (proof[at] ?? 0) ^ (1 << (flip % 8))
        expect(() => checkChunkProof(proof, shape, idx)).to.throw(AuditError)
      }),
      { numRuns: 200 },
    )
  })

  it('refuses an index outside of the list', () => {
    const list = statusListBytes(256, 2)
    const shape = { root: chunkRoot(list).toString('base64url'), bits: 2 as const, size: 256 }
    const proof = proveStatus(list, 2, 0)
    for (const idx of [-1, 256, 1.5, Number.NaN]) {
      expect(() => proveStatus(list, 2, idx)).to.throw(RangeError)
      expect(() => checkChunkProof(proof, shape, idx)).to.throw(AuditError)
    }
    for (const wrong of [proof.subarray(1), proof.subarray(0, -1), Buffer.concat([proof, proof])]) {
      expect(() => checkChunkProof(wrong, shape, 0)).to.throw(AuditError)
    }
  })
})

describe('checkStatusProof', () => {
  const uri = 'https://issuer.example/status/a'
  const { signer } = generateEd25519Key()
  const { vkey } = noteVerifier('issuer.example/log', signer.publicJwk)
  const list = statusListBytes(4096, 2)
  writeStatus(list, { bits: 2, idx: 99, status: 1 })
  const leaf = encodeEntry({
    type: 'status.published',
    at: 1000,
    list: uri,
    sequence: 1,
    sha256: chunkRoot(Buffer.of(1)).toString('base64url'),
    iat: 1000,
    exp: 1600,
    ttl: 300,
    bits: 2,
    size: 4096,
    root: chunkRoot(list).toString('base64url'),
    reason: 'scheduled',
  })
  const proofFor = async (bytes: Uint8Array) => {
    const head = { origin: 'issuer.example/log', size: 1, root: hashLeaf(bytes) }
    const checkpoint = await signCheckpoint(head, signer)
    return renderTlogProof({ index: 0, hashes: [], checkpoint })
  }

  it('answers what a list said of an index at a time', async () => {
    const proof = { leaf, tlogProof: await proofFor(leaf), chunkProof: proveStatus(list, 2, 99) }
    const claim = { vkey, uri, idx: 99, time: 1500 }
    expect(checkStatusProof(proof, claim)).to.deep.equal({ value: 1, sequence: 1 })
    expect(proof.chunkProof.length).to.be.below(512)
    for (const wrong of [
      { ...claim, time: 999 },
      { ...claim, time: 1601 },
      { ...claim, uri: `${uri}b` },
      { ...claim, idx: 3000 },
      {
        ...claim,
        vkey: noteVerifier('issuer.example/log', generateEd25519Key().signer.publicJwk).vkey,
      },
    ]) {
      expect(() => checkStatusProof(proof, wrong)).to.throw(AuditError)
    }
    const other = encodeEntry({ type: 'trust-list.published', at: 1 })
    expect(() => checkStatusProof({ ...proof, leaf: other }, claim)).to.throw(AuditError)
  })

  it('rejects any changed byte of the leaf and of the chunk proof', async () => {
    const proof = { leaf, tlogProof: await proofFor(leaf), chunkProof: proveStatus(list, 2, 99) }
    const claim = { vkey, uri, idx: 99, time: 1500 }
    for (const part of ['leaf', 'chunkProof'] as const) {
      for (let at = 0; at < proof[part].length; at++) {
        const changed = Buffer.from(proof[part])
        changed[at] = (changed[at] ?? 0) ^ 1
        expect(() => checkStatusProof({ ...proof, [part]: changed }, claim)).to.throw(AuditError)
      }
    }
  })
})
