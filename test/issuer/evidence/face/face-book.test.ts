import { expect } from 'chai'
import type { FaceTemplate } from '../../../../issuer/evidence/face/embed.ts'
import {
  blockFace,
  type FaceBook,
  faceWarnings,
  openFaceBook,
  withFaceSearch,
} from '../../../../issuer/evidence/face/face-book.ts'
import { openFaceStoreFile } from '../../../../issuer/evidence/face/face-store.sqlite.ts'
import type { FaceStore } from '../../../../issuer/evidence/face/face-store.ts'
import { OperatorError } from '../../../../shared/operator-error.ts'
import { systemRandom } from '../../../../shared/random.ts'
import { evidenceWith } from '../../../support/evidence.ts'

const NOW = 1_790_000_000
const MODEL = { id: 'network', sha256: 'ab'.repeat(32) }
const KEY = Buffer.alloc(32, 7)

/** A face in one of sixteen directions, a little tilted. */
function face(direction: number, tilt = 0): FaceTemplate {
  const numbers = new Float32Array(16)
  numbers[direction] = 1
  numbers[(direction + 1) % 16] = tilt
  const length = Math.hypot(...numbers)
  return new Map([['network', numbers.map((value) => value / length)]])
}

/** What one session showed; everybody has a name of their own unless it is said. */
const shown = (sessionId: string, template: FaceTemplate, name = sessionId) => ({
  sessionId,
  face: template,
  document: evidenceWith({ fields: { family_name: name } }).document,
})

describe('a book of faces', () => {
  let store: FaceStore
  let close: () => Promise<void>
  const bookOf = (key: Uint8Array = KEY): FaceBook =>
    openFaceBook({ store, key, seconds: 1000, threshold: 0.6, random: systemRandom })
  const opened = async (): Promise<FaceBook> => {
    const book = bookOf()
    await book.open(MODEL)
    return book
  }
  const hitsOf = async (book: FaceBook, id: string, template: FaceTemplate, now = NOW) =>
    (await book.search(shown(id, template), now)).hits.map((hit) => `${hit.list} ${hit.id}`)

  beforeEach(() => {
    ;({ store, close } = openFaceStoreFile(':memory:'))
  })
  afterEach(() => close())

  it('finds a face again in another session, never in its own, with score and threshold', async () => {
    const book = await opened()
    expect(await hitsOf(book, 'one', face(1))).to.deep.equal([])
    expect(await hitsOf(book, 'two', face(5))).to.deep.equal([])
    expect(await hitsOf(book, 'one', face(1))).to.deep.equal([])
    const { hits, ...search } = await book.search(shown('three', face(1, 0.5)), NOW)
    expect(hits).to.deep.equal([{ list: 'seen', id: 'one', value: 0.894, sameData: false }])
    expect(search).to.deep.equal({
      model: MODEL,
      threshold: 0.6,
      compared: 2,
      assurance: 'not_assured',
    })
  })

  it('tells who comes again as themselves from who comes as another, and warns of the other alone', async () => {
    const book = await opened()
    await book.search(shown('one', face(1), 'ANDERS'), NOW)
    const again = await book.search(shown('two', face(1), 'ANDERS'), NOW)
    expect(again.hits).to.deep.equal([{ list: 'seen', id: 'one', value: 1, sameData: true }])
    expect(faceWarnings(again)).to.deep.equal([])
    const other = await (await opened()).search(shown('three', face(1), 'BERGER'), NOW)
    expect(other.hits.map(({ sameData }) => sameData)).to.deep.equal([false, false])
    expect(faceWarnings(other).map(({ code }) => code)).to.deep.equal(['duplicate_suspected'])
    const nameless = { ...shown('four', face(1)), document: { fields: {} } }
    const hits = (await book.search(nameless, NOW)).hits
    expect(hits.some(({ sameData }) => sameData)).to.equal(false)
    expect(JSON.stringify((await store.changes(undefined)).kept)).to.not.match(/ANDERS|BERGER/)
  })

  it('finds what another server keeps, and loses what is forgotten there', async () => {
    const [here, there] = [await opened(), await opened()]
    await here.search(shown('one', face(1)), NOW)
    expect(await hitsOf(there, 'two', face(1))).to.deep.equal(['seen one'])
    expect(await there.forget('one')).to.equal(true)
    expect(await hitsOf(here, 'three', face(1))).to.deep.equal(['seen two'])
    expect(await here.forget('nobody')).to.equal(false)
  })

  it('misses nobody of two who come at once', async () => {
    const books = [await opened(), await opened()]
    const found = await Promise.all(
      books.flatMap((book, b) => [1, 2].map((n) => hitsOf(book, `${b}-${n}`, face(3)))),
    )
    // Of each pair the later one finds the earlier: six pairs of four.
    expect(found.flat().length).to.be.at.least(6)
  })

  it('is there again after a restart, sealed at rest under its key', async () => {
    await (await opened()).search(shown('one', face(1)), NOW)
    const { kept } = await store.changes(undefined)
    const numbers = Buffer.from(Float32Array.from(face(1).get('network') ?? []).buffer)
    expect(Buffer.from(kept[0]?.sealed ?? []).includes(numbers.subarray(0, 8))).to.equal(false)
    expect(await hitsOf(await opened(), 'two', face(1))).to.deep.equal(['seen one'])
    let refused: unknown
    await bookOf(Buffer.alloc(32, 8))
      .open(MODEL)
      .catch((error: unknown) => {
        refused = error
      })
    expect(refused).to.be.instanceOf(OperatorError)
    expect((refused as OperatorError).code).to.equal('config_invalid')
  })

  it('opens no template that was moved to another session or given another end', async () => {
    await (await opened()).search(shown('one', face(1)), NOW)
    const [kept] = (await store.changes(undefined)).kept
    if (!kept) throw new Error('nothing is kept')
    for (const changed of [
      { ...kept, id: 'moved' },
      { ...kept, expires: kept.expires + 1 },
      { ...kept, person: 'somebody else' },
    ]) {
      await store.keep(changed)
      const outcome = await bookOf()
        .open(MODEL)
        .then(
          () => 'opened',
          () => 'refused',
        )
      expect(outcome).to.equal('refused')
      await store.remove('seen', changed.id)
    }
  })

  it('leaves faces of another network unsearched, and says how many', async () => {
    await (await opened()).search(shown('one', face(1)), NOW)
    const book = bookOf()
    expect(await book.open({ id: 'network', sha256: 'cd'.repeat(32) })).to.equal(1)
    expect(await hitsOf(book, 'two', face(1))).to.deep.equal([])
  })

  it('keeps who was approved, drops who was rejected or never decided, until the end', async () => {
    const book = await opened()
    const outcomes: Record<string, 'approved' | 'rejected' | 'referred' | undefined> = {
      approved: 'approved',
      rejected: 'rejected',
      waiting: 'referred',
      gone: undefined,
    }
    for (const [i, id] of Object.keys(outcomes).entries()) {
      await book.search(shown(id, face(i)), NOW)
    }
    await book.tidy(async (id) => outcomes[id], NOW)
    expect(await store.unsettled('')).to.deep.equal(['waiting'])
    for (const [i, id] of Object.keys(outcomes).entries()) {
      const isKept = id === 'approved' || id === 'waiting'
      expect(await hitsOf(book, 'next', face(i)), id).to.deep.equal(isKept ? [`seen ${id}`] : [])
    }
    await book.forget('next')
    await book.tidy(async () => 'approved', NOW + 1000)
    expect(book.size).to.equal(0)
    expect((await store.changes(undefined)).kept).to.deep.equal([])
  })

  it('finds who is on the blocklist, with a warning of its own', async () => {
    const book = await opened()
    const blocked = { name: 'case-17', model: MODEL, template: face(2) }
    await blockFace({ store, key: KEY, random: systemRandom }, blocked, NOW + 50)
    const found = await book.search(shown('one', face(2, 0.2)), NOW)
    expect(found.hits).to.deep.equal([
      { list: 'blocklist', id: 'case-17', value: 0.98, sameData: false },
    ])
    const { warnings, faceSearch } = withFaceSearch(evidenceWith(), found)
    expect(warnings.map(({ code }) => code)).to.deep.equal(['face_on_blocklist'])
    expect(faceSearch).to.equal(found)
    expect(await hitsOf(book, 'two', face(2), NOW + 50)).to.deep.equal(['seen one'])
  })

  it('answers ten hits at most, the most alike first', async () => {
    const book = await opened()
    for (let i = 0; i < 12; i++) await book.search(shown(`s${i}`, face(4, i / 20)), NOW)
    const { hits, compared } = await book.search(shown('last', face(4)), NOW)
    expect([hits.length, hits[0]?.id, compared]).to.deep.equal([10, 's0', 12])
  })

  it('searches nothing before it is open', async () => {
    const outcome = await bookOf()
      .search(shown('one', face(1)), NOW)
      .then(
        () => 'searched',
        (error: Error) => error.message,
      )
    expect(outcome).to.equal('the faces are not open')
  })
})
