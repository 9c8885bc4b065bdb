import { expect } from 'chai'
import { AuditError } from '../../../shared/audit/error.ts'
import {
  noteVerifier,
  parseNote,
  parseVkey,
  signNote,
  verifyNote,
} from '../../../shared/audit/note.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'

/** C2SP signed-note, "Example". */
const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const SIGNATURE =
  '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'
const NOTE = `This is an example message.\n\n${SIGNATURE}`

describe('verifyNote', () => {
  it('verifies the example of the specification (C2SP signed-note, "Example")', () => {
    verifyNote(parseNote(NOTE), [parseVkey(VKEY)])
  })

  it('rejects another text under the same signature', () => {
    const changed = parseNote(NOTE.replace('example message', 'exemple message'))
    expectCode(() => verifyNote(changed, [parseVkey(VKEY)]), 'signature_invalid')
  })

  it('rejects a note that no trusted key signed ("clients MUST reject the note")', () => {
    const stranger = noteVerifier('example.com/foo', generateEd25519Key().signer.publicJwk)
    expectCode(() => verifyNote(parseNote(NOTE), [stranger]), 'note_unsigned')
  })

  it('ignores signatures of unknown keys ("Verifiers MUST ignore signatures from unknown keys")', () => {
    const other = SIGNATURE.replace('example.com/foo', 'example.com/bar')
    verifyNote(parseNote(`${NOTE}${other}`), [parseVkey(VKEY)])
  })

  it('rejects a note of which one signature of a trusted key fails', () => {
    const bytes = Buffer.from(SIGNATURE.split(' ')[2] ?? '', 'base64')
    bytes[10] = (bytes[10] ?? 0) ^ 1
    const bad = `— example.com/foo ${bytes.toString('base64')}\n`
    expectCode(() => verifyNote(parseNote(`${NOTE}${bad}`), [parseVkey(VKEY)]), 'signature_invalid')
  })

  it('verifies what signNote signs', async () => {
    const { signer } = generateEd25519Key()
    const note = await signNote('one\n\ntwo\n', 'example.com/log', signer)
    expect(parseNote(note).text).to.equal('one\n\ntwo\n')
    verifyNote(parseNote(note), [noteVerifier('example.com/log', signer.publicJwk)])
  })

  it('accepts 16 signatures ("MUST accept at least up to 16 signatures")', () => {
    const others = Array.from({ length: 15 }, (_, n) => SIGNATURE.replace('foo', `foo${n}`))
    verifyNote(parseNote(`${NOTE}${others.join('')}`), [parseVkey(VKEY)])
  })
})

describe('parseNote', () => {
  for (const [what, note] of [
    ['no signature', 'text\n'],
    ['no final newline', NOTE.slice(0, -1)],
    ['a control character', NOTE.replace('This', 'Th\u0007is')],
    ['a carriage return', NOTE.replace('message.', 'message.\r')],
    ['a hyphen for the em dash', NOTE.replace('—', '-')],
    ['a key name with a plus', NOTE.replace('example.com/foo', 'example.com/f+o')],
    ['base64 without padding', NOTE.replace('aQM=', 'aQM')],
    ['base64 with unused bits set', NOTE.replace('aQM=', 'aQN=')],
    ['a signature line with a further field', NOTE.replace('aQM=', 'aQM= x')],
    ['only a key ID', 'text\n\n— a AAAAAA==\n'],
    ['more signatures than the bound', `text\n\n${SIGNATURE.repeat(65)}`],
  ] as const) {
    it(`rejects ${what} (C2SP signed-note, "Format")`, () => {
      expectCode(() => parseNote(note), 'note_malformed')
    })
  }
})

describe('parseVkey', () => {
  it('comes back as it was', () => {
    expect(parseVkey(VKEY).vkey).to.equal(VKEY)
  })

  for (const [what, vkey] of [
    ['another key ID', VKEY.replace('530d903a', '530d903b')],
    ['another name', VKEY.replace('foo', 'bar')],
    [
      'an unknown signature type',
      'example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
    ],
    ['a short key', 'example.com/foo+530d903a+AekyeRrm'],
    ['no key', 'example.com/foo'],
  ] as const) {
    it(`rejects ${what} (C2SP signed-note, "Verifier keys")`, () => {
      expectCode(() => parseVkey(vkey), 'note_malformed')
    })
  }
})

function expectCode(act: () => void, code: string): void {
  expect(act).to.throw(AuditError).with.property('code', code)
}
