import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseCheckpoint, signCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { chunkRoot, proveStatus } from '../../../shared/audit/chunk-proof.ts'
import { commit, commitmentSalt } from '../../../shared/audit/commitment.ts'
import { cosign } from '../../../shared/audit/cosignature.ts'
import { dossierOpenedEntry } from '../../../shared/audit/dossier-leaf.ts'
import { type AuditEntry, decodeEntry, encodeEntry } from '../../../shared/audit/entry.ts'
import { sessionErasedEntry } from '../../../shared/audit/erasure-leaf.ts'
import {
  appendLeafHash,
  compactRoot,
  emptyCompactRange,
  hashLeaf,
  inclusionRanges,
  rangeHash,
} from '../../../shared/audit/merkle.ts'
import { noteVerifier } from '../../../shared/audit/note.ts'
import { renderTlogProof } from '../../../shared/audit/proof.ts'
import { rulebookAdoptedEntry, workflowAdoptedEntry } from '../../../shared/audit/rules-leaf.ts'
import { statusPublishedEntry } from '../../../shared/audit/status-leaf.ts'
import { renderEntryBundle } from '../../../shared/audit/tile.ts'
import { trustListPublished, trustListPublishedEntry } from '../../../shared/audit/trust-leaf.ts'
import { sha256Base64url } from '../../../shared/hash.ts'
import { openEd25519Key } from '../../../shared/key/signer.software.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { statusListBytes, writeStatus } from '../../../shared/status-list/bits.ts'

/** docs/log.md describes these files. A change of any byte is a change of the format, and old proofs would fail. */
const folder = join(packageRoot, 'test/golden/log')
const AT = 1_782_864_000
const ORIGIN = 'issuer.example/log'
const LIST = 'https://issuer.example/status/eXAmpl3'

/** The key of RFC 8032 §7.1, TEST 1 for the log and TEST 2 for the witness. */
const logSigner = keyOf('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
const witnessSigner = keyOf('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')

const list = statusListBytes(4096, 2)
writeStatus(list, { bits: 2, idx: 711, status: 1 })

const trustListLeaf = trustListPublished(
  'example',
  { kty: 'EC', crv: 'P-256', x: sha256Base64url('x'), y: sha256Base64url('y') },
  AT,
)
const commitment = (type: string) =>
  commit({ list: LIST, idx: 711 }, commitmentSalt(Buffer.alloc(32, 1), `${type}/1`))
const publishedLeaf: AuditEntry = {
  type: 'status.published',
  at: AT + 300,
  list: LIST,
  sequence: 1,
  sha256: sha256Base64url('token'),
  cwt_sha256: sha256Base64url('cwt'),
  iat: AT + 300,
  exp: AT + 3900,
  ttl: 300,
  bits: 2,
  size: 4096,
  root: chunkRoot(list).toString('base64url'),
  herd: 1000,
  reason: 'scheduled',
}
const entries: readonly AuditEntry[] = [
  trustListLeaf,
  { type: 'issuance.intended', at: AT + 1, commitment: commitment('issuance.intended') },
  { type: 'issuance.done', at: AT + 2, commitment: commitment('issuance.done') },
  { type: 'status.changed', at: AT + 200, commitment: commitment('status.changed') },
  publishedLeaf,
  {
    ...publishedLeaf,
    at: AT + 600,
    sequence: 2,
    previous: hashLeaf(encodeEntry(publishedLeaf)).toString('base64url'),
    iat: AT + 600,
    exp: AT + 4200,
    reason: 'emergency',
  },
  { type: 'status.withdrawn', at: AT + 700, leaf: 3 },
  { type: 'status.retired', at: AT + 701, list: LIST },
  {
    type: 'workflow.adopted',
    at: AT + 702,
    id: 'identity-passport',
    version: 1,
    sha256: sha256Base64url('{}'),
  },
  {
    type: 'rulebook.adopted',
    at: AT + 702,
    commitment: commit({ watchlists: [], pipeline: 'example' }, Buffer.alloc(32, 2)),
  },
  {
    type: 'dossier.opened',
    at: AT + 703,
    reader: 'reviewer',
    reason: 'referral',
    commitment: commitment('dossier.opened'),
  },
]

/** By itself: the tree of the files is of the entries above. */
const erased: AuditEntry = {
  type: 'session.erased',
  at: AT + 705,
  commitment: commit(
    { session: 'example', actor: 'ada', reason: 'asked by letter', erased_at: AT + 705 },
    Buffer.alloc(32, 3),
  ),
}

describe('the formats of the log (docs/log.md)', () => {
  const names = entries.map(({ type }, index) => `${index}-${type}.leaf`)
  for (const [index, entry] of entries.entries()) {
    it(`writes ${names[index]} byte for byte`, () => {
      same(names[index] ?? '', encodeEntry(entry))
      expect(decodeEntry(encodeEntry(entry))).to.deep.equal(entry)
    })
  }

  it('writes 11-session.erased.leaf byte for byte', () => {
    same('11-session.erased.leaf', encodeEntry(erased))
    expect(sessionErasedEntry.parse(decodeEntry(encodeEntry(erased)))).to.deep.equal(erased)
  })

  it('reads its own leaves of tokens, trust lists, rules and dossiers', () => {
    expect(statusPublishedEntry.parse(entries[5])).to.deep.equal(entries[5])
    expect(trustListPublishedEntry.parse(entries[0])).to.deep.equal(entries[0])
    expect(workflowAdoptedEntry.parse(entries[8])).to.deep.equal(entries[8])
    expect(rulebookAdoptedEntry.parse(entries[9])).to.deep.equal(entries[9])
    expect(dossierOpenedEntry.parse(entries[10])).to.deep.equal(entries[10])
  })

  it('writes the checkpoint, its cosignature, a proof and a bundle byte for byte', async () => {
    const hashes = new Map<string, Uint8Array>()
    const range = emptyCompactRange()
    for (const entry of entries) {
      appendLeafHash(range, hashLeaf(encodeEntry(entry)), (height, at, hash) => {
        hashes.set(`${height}/${at}`, hash)
      })
    }
    const head = { origin: ORIGIN, size: entries.length, root: compactRoot(range) }
    const signed = await signCheckpoint(head, logSigner)
    const name = 'witness.example/1'
    const line = await cosign(parseCheckpoint(signed), {
      name,
      signer: witnessSigner,
      now: AT + 704,
    })
    const proof = inclusionRanges(4, entries.length).map((leaves) =>
      rangeHash(leaves, (height, at) => hashes.get(`${height}/${at}`) as Buffer),
    )
    same('checkpoint', Buffer.from(`${signed}${line}`))
    same('log.vkey', Buffer.from(`${noteVerifier(ORIGIN, logSigner.publicJwk).vkey}\n`))
    same(
      '4.tlog-proof',
      Buffer.from(renderTlogProof({ index: 4, hashes: proof, checkpoint: signed })),
    )
    same('entries-000.p-11', renderEntryBundle(entries.map(encodeEntry)))
    same('chunk-711.bin', proveStatus(list, 2, 711))
  })
})

function same(name: string, bytes: Uint8Array): void {
  expect(Buffer.from(bytes).toString('latin1')).to.equal(
    readFileSync(join(folder, name)).toString('latin1'),
  )
}

function keyOf(seed: string) {
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex').toString('base64')
  return openEd25519Key(`-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`)
}
