import { expect } from 'chai'
import { english } from '../../pages/words/english.ts'
import { german } from '../../pages/words/german.ts'
import type { Phrase } from '../../pages/words/phrase.ts'

const LANGUAGES = [english, german]

/** The values that a phrase has places for. */
function placesOf(phrase: Phrase): string[] {
  const text = typeof phrase === 'string' ? phrase : phrase.other
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).sort()
}

describe('the words of the pages', () => {
  const keys = Object.keys(english.words) as (keyof typeof english.words)[]

  for (const { tag, words } of LANGUAGES) {
    it(`are all there in ${tag}, with the same places for values`, () => {
      expect(keys.length).to.be.greaterThan(80)
      expect(Object.keys(words).sort()).to.deep.equal([...keys].sort())
      for (const key of keys) {
        expect(placesOf(words[key]), key).to.deep.equal(placesOf(english.words[key]))
        const forms = typeof words[key] === 'string' ? [words[key]] : Object.values(words[key])
        for (const form of forms) expect(form.trim(), key).to.equal(form).and.not.equal('')
      }
    })
  }

  it('are other words in other languages', () => {
    const same = keys.filter((key) => english.words[key] === german.words[key])
    // Names that are the same in both.
    expect(same.sort()).to.deep.equal([
      'account.passkey',
      'account.passkeys',
      'keys.name',
      'operator.deliveries',
      'overview.server',
    ])
  })
})
