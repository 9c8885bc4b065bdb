import { expect } from 'chai'
import { parseCheckpoint, signCheckpoint } from '../../../shared/audit/checkpoint.ts'
import {
  cosign,
  cosignatureVerifier,
  requireWitnesses,
  verifyCosignatures,
} from '../../../shared/audit/cosignature.ts'
import { AuditError } from '../../../shared/audit/error.ts'
import { hashLeaf } from '../../../shared/audit/merkle.ts'
import { parseVkey } from '../../../shared/audit/note.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'

/** The checkpoint and the witness of the test data of FiloSottile/sunlight (ISC). */
const VKEY = 'witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN'
const CHECKPOINT = `rome2026h1.example.org
300
lCkHUpkmVBEms2r2T1K6Og69+wUuuN3MIEW1/ezu2v0=

— rome2026h1.example.org kVB1JgAAAZtxtEwABAMARzBFAiEAi+mTa2xjL1IdWpH82OeciGsGvwRAP+f1WkfKaSZCfFECIHoNPZ/Q3y6UNzvKOO9cuLr6V16vPNfhwhle9f6r5H/Z
— witness.example.org uKLPIAAAAABpVGeAhm2bOvKc3LaB9PFN1ruG19Y5yqslmcAAbhftnn1Zznmo0LXFZq4LGvqKqLX8jWlwLKasxEGTLIqAVusneCBmBw==
`

describe('verifyCosignatures', () => {
  it('verifies the cosignature that sunlight made (C2SP tlog-cosignature)', () => {
    const found = verifyCosignatures(parseCheckpoint(CHECKPOINT), [parseVkey(VKEY)])
    expect(found).to.deep.equal([{ name: 'witness.example.org', at: 1_767_139_200 }])
  })

  it('rejects it over another tree', () => {
    const changed = parseCheckpoint(CHECKPOINT.replace('\n300\n', '\n301\n'))
    expect(() => verifyCosignatures(changed, [parseVkey(VKEY)]))
      .to.throw(AuditError)
      .with.property('code', 'signature_invalid')
  })

  it('rejects another timestamp in the same signature', () => {
    const changed = parseCheckpoint(CHECKPOINT.replace('AAAABpVGeA', 'AAAABpVGeB'))
    expect(() => verifyCosignatures(changed, [parseVkey(VKEY)])).to.throw(AuditError)
  })

  it('ignores witnesses that are not known', () => {
    const stranger = cosignatureVerifier('witness.example.org', generateEd25519Key().signer)
    expect(verifyCosignatures(parseCheckpoint(CHECKPOINT), [stranger])).to.deep.equal([])
  })
})

describe('requireWitnesses', () => {
  it('counts each witness once', async () => {
    const { signer } = generateEd25519Key()
    const head = { origin: 'issuer.example/log', size: 1, root: hashLeaf(Buffer.from('x')) }
    const signed = await signCheckpoint(head, signer)
    const witness = generateEd25519Key().signer
    const lines = [1, 2].map((now) =>
      cosign(parseCheckpoint(signed), { name: 'w', signer: witness, now }),
    )
    const cosigned = parseCheckpoint(`${signed}${(await Promise.all(lines)).join('')}`)
    const witnesses = [cosignatureVerifier('w', witness)]
    expect(requireWitnesses(cosigned, { witnesses, threshold: 1 })).to.have.length(1)
    expect(() => requireWitnesses(cosigned, { witnesses, threshold: 2 }))
      .to.throw(AuditError)
      .with.property('code', 'witness_missing')
  })
})
