import { expect } from 'chai'
import { checkStatusProof } from '../../../shared/audit/check-status-proof.ts'
import { proveStatus } from '../../../shared/audit/chunk-proof.ts'
import { decodeEntry } from '../../../shared/audit/entry.ts'
import { AuditError } from '../../../shared/audit/error.ts'
import { verifyTlogProof } from '../../../shared/audit/proof.ts'
import { parseEntryBundle, tileWidth } from '../../../shared/audit/tile.ts'
import type { StatusReference } from '../../../shared/status-list/reference.ts'
import { auditOnce, NEW_AUDIT } from '../../../verifier/audit/audit.ts'
import { checkEvidence, collectEvidence, EvidenceError } from '../../../verifier/audit/evidence.ts'
import { readNewEntries } from '../../../verifier/audit/read-log.ts'
import { openPublicSource } from '../../../verifier/audit/source.ts'
import { type AuditedIssuer, openAuditedIssuer } from '../../support/audited-issuer.ts'
import { NOW, testAuthority } from '../../support/pki.ts'
import { listOf } from '../../support/status.ts'

/** Two tenants under one authority, so that nothing but origin and key of their logs tells them apart. */
describe('two issuers, each with its own log', () => {
  let one: AuditedIssuer
  let other: AuditedIssuer
  let reference: StatusReference

  beforeEach(async () => {
    const authority = await testAuthority('attestation')
    one = await openAuditedIssuer({ authority })
    other = await openAuditedIssuer({ authority })
    ;[reference] = one.allocate(1) as [StatusReference]
    for (const issuer of [one, other]) {
      issuer.now = NOW + 300
      await issuer.publish()
    }
  })
  afterEach(async () => {
    await one.close()
    await other.close()
  })

  const audit = (issuer: AuditedIssuer, log = issuer.vkey) =>
    auditOnce(issuer.source, log, { state: NEW_AUDIT, now: issuer.now })
  const rules = async (audited: ReturnType<typeof audit>) =>
    (await audited).findings.map(({ rule }) => rule)

  it('have an origin and a key each, and each is clean under its own', async () => {
    expect(one.vkey.name).not.to.equal(other.vkey.name)
    expect(one.vkey.vkey).not.to.equal(other.vkey.vkey)
    for (const issuer of [one, other]) expect(await rules(audit(issuer))).to.deep.equal([])
  })

  it('are not taken for each other: neither log verifies under the other’s key', async () => {
    expect(await rules(audit(one, other.vkey))).to.deep.equal(['log_malformed'])
    expect(await rules(audit(other, one.vkey))).to.deep.equal(['log_malformed'])
  })

  it('prove nothing with a leaf of the other', async () => {
    const leaf = await lastLeaf(one, reference.uri)
    const tlogProof = (await one.publisher.log.prove(leaf.index)) ?? ''
    expect(verifyTlogProof(tlogProof, leaf.bytes, one.vkey).index).to.equal(leaf.index)
    expect(() => verifyTlogProof(tlogProof, leaf.bytes, other.vkey)).to.throw(AuditError)
    const proofOfOther = (await other.publisher.log.prove(leaf.index)) ?? ''
    expect(() => verifyTlogProof(proofOfOther, leaf.bytes, other.vkey)).to.throw(AuditError)
  })

  it('check no evidence of the other', async () => {
    const question = { list: reference.uri, index: reference.idx, times: [NOW + 300] }
    const { known, entries } = await readNewEntries(one.source, one.vkey, undefined)
    for (const compact of [false, true]) {
      const { files } = await collectEvidence(one.source, one.vkey, {
        ...question,
        ...{ known, entries, compact },
      })
      expect(checkEvidence(files, one.vkey).answers[0]?.status).to.equal('valid')
      expect(() => checkEvidence(files, other.vkey)).to.throw(EvidenceError)
    }
  })

  it('cannot speak of each other’s lists: an old token of one is no answer in the log of the other', async () => {
    // The other logs a leaf of the first, with its genuine token, and never the revocation that follows.
    const leaf = await lastLeaf(one, reference.uri)
    await other.publisher.log.append(decodeEntry(leaf.bytes))
    one.change(reference, 'revoked')
    one.now += 300
    await one.publish()
    other.now += 300
    await other.publish()
    const findings = (await audit(other)).findings
    expect(findings.map(({ rule, list }) => [rule, list])).to.deep.equal([
      ['foreign_list', reference.uri],
    ])
    const { known, entries } = await readNewEntries(other.source, other.vkey, undefined)
    const index = entries.find(({ bytes }) => bytes.equals(leaf.bytes))?.index ?? -1
    const list = await one.publisher.store.at(reference.uri.split('/').at(-1) ?? '', NOW + 300)
    const proof = {
      leaf: leaf.bytes,
      tlogProof: (await other.publisher.log.prove(index)) ?? '',
      chunkProof: proveStatus(listOf(list?.token ?? ''), 2, reference.idx),
    }
    const claim = { vkey: other.vkey.vkey, uri: reference.uri, idx: reference.idx, time: NOW + 300 }
    expect(() => checkStatusProof(proof, claim)).to.throw(AuditError, 'of another issuer')
    const asked = { list: reference.uri, index: reference.idx, times: [NOW + 300] }
    for (const compact of [false, true]) {
      const outcome = await collectEvidence(openPublicSource(other.url, fetch), other.vkey, {
        ...asked,
        ...{ known, entries, compact },
      }).catch((error: unknown) => error)
      expect(outcome).to.be.instanceOf(EvidenceError)
    }
  })
})

async function lastLeaf(
  { publisher: { log } }: AuditedIssuer,
  list: string,
): Promise<{ readonly index: number; readonly bytes: Buffer }> {
  const size = Number((await log.checkpoint())?.split('\n')[1])
  const bundle = await log.entryBundle(0, tileWidth(0, 0, size))
  const entries = parseEntryBundle(bundle ?? Buffer.alloc(0), size)
  const index = entries.findLastIndex((bytes) => decodeEntry(bytes).list === list)
  return { index, bytes: entries[index] ?? Buffer.alloc(0) }
}
