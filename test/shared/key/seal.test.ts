import { expect } from 'chai'
import fc from 'fast-check'
import { openText, sealingKey, sealText } from '../../../shared/key/seal.ts'
import { systemRandom } from '../../../shared/random.ts'

describe('sealText', () => {
  const key = sealingKey('a token that is not stored', 'test')

  it('opens under the key that follows from the same secret for the same purpose', () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        const sealed = sealText(key, text, systemRandom)
        const wellFormed = Buffer.from(text).toString()
        expect(openText(sealingKey('a token that is not stored', 'test'), sealed)).to.equal(
          wellFormed,
        )
      }),
    ))

  it('does not open under another secret, for another purpose, changed or cut', () => {
    const sealed = sealText(key, 'session_token', systemRandom)
    expect(sealed).to.not.contain('session')
    expect(sealText(key, 'session_token', systemRandom)).to.not.equal(sealed)
    expect(openText(sealingKey('another token', 'test'), sealed)).to.equal(undefined)
    expect(openText(sealingKey('a token that is not stored', 'x'), sealed)).to.equal(undefined)
    for (let at = 0; at < Buffer.from(sealed, 'base64url').length; at++) {
      const changed = Buffer.from(sealed, 'base64url')
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(openText(key, changed.toString('base64url')), `byte ${at}`).to.equal(undefined)
    }
    for (const cut of ['', sealed.slice(0, 30), sealed.slice(4)]) {
      expect(openText(key, cut)).to.equal(undefined)
    }
  })
})
