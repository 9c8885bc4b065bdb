import { expect } from 'chai'
import {
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
} from '../../../shared/audit/checkpoint.ts'
import { AuditError } from '../../../shared/audit/error.ts'
import { hashLeaf } from '../../../shared/audit/merkle.ts'
import { noteVerifier, signNote } from '../../../shared/audit/note.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'

const origin = 'example.com/log'
const root = hashLeaf(Buffer.from('a'))
const { signer } = generateEd25519Key()
const log = noteVerifier(origin, signer.publicJwk)

/** C2SP tlog-checkpoint, the example at its beginning. */
const EXAMPLE = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
`

describe('parseCheckpoint', () => {
  it('reads the example of the specification', () => {
    const checkpoint = parseCheckpoint(EXAMPLE)
    expect(checkpoint.origin).to.equal('example.com/behind-the-sofa')
    expect(checkpoint.size).to.equal(20852163)
    expect(checkpoint.root.toString('base64')).to.equal(
      'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
    )
  })

  for (const [what, from, to] of [
    ['a leading zero', '20852163', '020852163'],
    ['a sign', '20852163', '+20852163'],
    ['a size beyond 2^53', '20852163', '9007199254740993'],
    ['a short root', 'CsUYapGGPo4d', 'CsUYapGG'],
    ['an empty origin', 'example.com/behind-the-sofa\n20', '\n20'],
    ['an empty extension line', 'q2I=\n', 'q2I=\n\nx\n'],
  ] as const) {
    it(`rejects ${what} (C2SP tlog-checkpoint, "Note text")`, () => {
      expect(() => parseCheckpoint(EXAMPLE.replace(from, to)))
        .to.throw(AuditError)
        .with.property('code')
        .that.is.oneOf(['checkpoint_malformed', 'note_malformed'])
    })
  }
})

describe('verifyCheckpoint', () => {
  it('verifies what signCheckpoint signs', async () => {
    const checkpoint = verifyCheckpoint(
      await signCheckpoint({ origin, size: 1, root }, signer),
      log,
    )
    expect(checkpoint.size).to.equal(1)
    expect(checkpoint.root).to.deep.equal(root)
  })

  it('rejects the checkpoint of another log under this key', async () => {
    const text = `example.com/other\n1\n${root.toString('base64')}\n`
    const note = await signNote(text, origin, signer)
    expect(() => verifyCheckpoint(note, log))
      .to.throw(AuditError)
      .with.property('code', 'origin_mismatch')
  })

  it('rejects any changed byte', async () => {
    const text = await signCheckpoint({ origin, size: 1, root }, signer)
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 1
      expect(() => verifyCheckpoint(changed.toString('utf8'), log), `byte ${at}`).to.throw(
        AuditError,
      )
    }
  })
})
