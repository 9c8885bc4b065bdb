import { expect } from 'chai'
import fc from 'fast-check'
import { openText, seal, sealingKey, sealText, unseal } from '../../../shared/key/seal.ts'
import { systemRandom } from '../../../shared/random.ts'

const KEY = Buffer.alloc(32, 1)
const PLAIN = Buffer.from('numbers of a face')
const sealed = (context = 'here') => seal(KEY, PLAIN, { context, random: systemRandom })

describe('seal', () => {
  it('opens what it closed, with the key and the context', () => {
    expect(unseal(KEY, sealed(), 'here')?.toString()).to.equal(PLAIN.toString())
    expect(Buffer.from(sealed()).includes(PLAIN)).to.equal(false)
    expect(sealed()).not.to.deep.equal(sealed())
  })

  it('opens nothing under another key or context, cut off or changed in any byte (SP 800-38D §7.2)', () => {
    const good = sealed()
    expect(unseal(Buffer.alloc(32, 2), good, 'here')).to.equal(undefined)
    expect(unseal(KEY, good, 'there')).to.equal(undefined)
    expect(unseal(KEY, good.subarray(0, 27), 'here')).to.equal(undefined)
    for (let i = 0; i < good.length; i++) {
      const changed = Uint8Array.from(good)
      changed[i] = (changed[i] ?? 0) ^ 1
      expect(unseal(KEY, changed, 'here')).to.equal(undefined)
    }
  })
})

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
