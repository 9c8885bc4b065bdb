import { expect } from 'chai'
import { type SeenDocuments, sightingOf } from '../../issuer/evidence/document/seen-documents.ts'
import type { Field, FieldName } from '../../issuer/evidence/evidence.ts'

const NOW = 1_790_000_000
const LATER = NOW + 1000
const KEY = Buffer.alloc(32, 7)

const template = (seed: number, noise = 0) => {
  const numbers = Float32Array.from({ length: 128 }, (_, i) => {
    const base = Math.sin(seed * 12.9898 + i * 78.233) * 43_758.5453
    const more = Math.sin(noise * 39.425 + i * 11.135) * 9631.17
    return (
      base - Math.floor(base) - 0.5 + (noise === 0 ? 0 : 0.05 * (more - Math.floor(more) - 0.5))
    )
  })
  return new Map([['network', numbers]])
}

function sighting(
  sessionId: string,
  changes: { number?: string; name?: string; face?: number; noise?: number } = {},
) {
  const field = (value: string): Field => ({ value, source: 'mrz', confidence: 1 })
  const fields: Partial<Record<FieldName, Field>> = {
    document_number: field(changes.number ?? 'L898902C3'),
    family_name: field(changes.name ?? 'MUSTERFRAU'),
    given_name: field('ERIKA'),
    birthdate: field('1990-02-28'),
    issuing_country: field('UTO'),
  }
  const made = sightingOf(KEY, {
    sessionId,
    document: { type: 'TD3', fields },
    portrait: template(changes.face ?? 1, changes.noise ?? 0),
  })
  if (!made) throw new Error('nothing to digest')
  return made
}

/** What every store of sightings promises. */
export function seenDocumentsContract(
  engine: string,
  open: () => Promise<{ store: SeenDocuments; close: () => Promise<void> }>,
): void {
  describe(`seen documents on ${engine}`, () => {
    let store: SeenDocuments
    let close: () => Promise<void>
    beforeEach(async () => {
      ;({ store, close } = await open())
    })
    afterEach(() => close())

    const see = (...args: Parameters<typeof sighting>) => store.see(sighting(...args), LATER, NOW)
    const nothing = { document: false, portrait: false }

    it('finds nothing the first time, nor when the same person comes back', async () => {
      expect(await see('one')).to.deep.equal(nothing)
      expect(await see('two')).to.deep.equal(nothing)
    })

    it('finds a document that comes back with other data', async () => {
      await see('one')
      expect(await see('two', { name: 'ANDERS', face: 2 })).to.deep.equal({
        document: true,
        portrait: false,
      })
    })

    it('finds a portrait that comes back with other data, also photographed anew', async () => {
      await see('one')
      expect(await see('two', { name: 'ANDERS', number: 'X1', noise: 5 })).to.deep.equal({
        document: false,
        portrait: true,
      })
    })

    it('does not take another face for it', async () => {
      await see('one')
      for (const face of [2, 3, 4, 5, 6]) {
        const seen = await see(`other-${face}`, { name: `N${face}`, number: `X${face}`, face })
        expect(seen).to.deep.equal(nothing)
      }
    })

    it('does not find a session in itself when it is seen again', async () => {
      await see('one')
      expect(await see('one', { name: 'ANDERS' })).to.deep.equal(nothing)
      expect(await see('two')).to.deep.equal({ document: true, portrait: true })
    })

    it('forgets a session that is erased, and what has expired', async () => {
      await see('one')
      await store.forget('one')
      expect(await see('two', { name: 'ANDERS' })).to.deep.equal(nothing)
      const late = await store.see(sighting('three'), LATER + 1000, LATER)
      expect(late).to.deep.equal(nothing)
      expect(await store.purge(LATER)).to.equal(1)
      expect(await store.purge(LATER)).to.equal(0)
    })

    it('loses no sighting when two sessions come at once', async () => {
      const [one, two] = await Promise.all([see('one'), see('two', { name: 'ANDERS', face: 2 })])
      expect([one?.document, two?.document].filter(Boolean)).to.have.length(1)
    })
  })
}
