import type { NumericDate } from '../../../shared/clock.ts'
import { seal, unseal } from '../../../shared/key/seal.ts'
import { OperatorError } from '../../../shared/operator-error.ts'
import type { Random } from '../../../shared/random.ts'
import { personDigest } from '../document/seen-documents.ts'
import type {
  DocumentEvidence,
  Evidence,
  FaceHit,
  FaceSearch,
  ModelReference,
  Warning,
} from '../evidence.ts'
import { type DuplicateIndex, openGrowingIndex } from './duplicate-index.ts'
import type { FaceTemplate } from './embed.ts'
import type { FaceCursor, FaceList, FaceStore, KeptFace } from './face-store.ts'

/** How an issuer keeps faces for searching: where, under which key, for how long and from which likeness on. */
export interface FaceBookSettings {
  readonly store: FaceStore
  /** 32 bytes, of this purpose alone. */
  readonly key: Uint8Array
  /** For how long the face of a session is kept. */
  readonly seconds: number
  /** Cosine from which a person looks. */
  readonly threshold: number
  readonly random: Random
}

/** What became of a session: `undefined` where it ended without a decision. */
export type Outcome = 'collecting' | 'referred' | 'approved' | 'rejected' | undefined

/** The faces that an issuer keeps for searching, open in memory. No route leads here but a decision and an operator. */
export interface FaceBook {
  /** How many faces can be found. */
  readonly size: number
  /** Loads what is kept for a network; searches need it. Answers how many are of another and stay unsearched. */
  open(model: ModelReference): Promise<number>
  /**
   * Keeps the face of a session and answers who of the others is alike, whichever server kept them: of two sessions at
   * once the later one finds the earlier.
   */
  search(
    shown: {
      readonly sessionId: string
      readonly face: FaceTemplate
      /** What the document showed, so that who comes again as themselves is told from who comes as another. */
      readonly document: Pick<DocumentEvidence, 'fields'>
    },
    now: NumericDate,
  ): Promise<FaceSearch>
  /** Removes faces of sessions that were rejected or never decided, keeps those that were approved, and drops what has expired. */
  tidy(outcomeOf: (sessionId: string) => Promise<Outcome>, now: NumericDate): Promise<void>
  /** Removes the face of a session before its time and answers whether there was one. */
  forget(sessionId: string): Promise<boolean>
}

const MAX_HITS = 10

/** Opens a book on a store; nothing is in memory before {@link FaceBook.open}. */
export function openFaceBook(settings: FaceBookSettings): FaceBook {
  const { store, key, seconds, threshold, random } = settings
  let model: ModelReference | undefined
  let index: DuplicateIndex | undefined
  let cursor: FaceCursor | undefined
  let unsearched = 0
  const persons = new Map<string, string>()
  let syncing: Promise<void> = Promise.resolve()

  function put(face: KeptFace): void {
    drop(rowOf(face))
    if (face.model !== model?.sha256) {
      unsearched += 1
      return
    }
    const template = openTemplate(key, face)
    index ??= openGrowingIndex(template.length)
    index.add(rowOf(face), template, face.expires)
    persons.set(rowOf(face), face.person)
  }

  function drop(row: string): void {
    index?.remove(row)
    persons.delete(row)
  }

  async function catchUp(): Promise<void> {
    for (;;) {
      const changes = await store.changes(cursor)
      for (const face of changes.kept) put(face)
      if (changes.all && index) {
        const there = new Set(changes.all.map(rowOf))
        for (const row of index.ids()) if (!there.has(row)) drop(row)
      }
      cursor = changes.cursor
      if (!changes.more) return
    }
  }

  /** One at a time, and never an older answer after a newer one. */
  function sync(): Promise<void> {
    syncing = syncing.then(catchUp, catchUp)
    return syncing
  }

  return {
    get size() {
      return index?.size ?? 0
    },
    open: async (reference) => {
      model = reference
      await sync()
      return unsearched
    },
    search: async ({ sessionId, face, document }, now) => {
      if (model === undefined) throw new Error('the faces are not open')
      const template = templateOf(face, model)
      const expires = now + seconds
      const person = personDigest(key, document) ?? ''
      const kept = { list: 'seen', id: sessionId, model: model.sha256, expires, person } as const
      await store.keep({ ...kept, sealed: sealTemplate(template, kept, { key, random }) })
      await sync()
      const own = rowOf(kept)
      const found = index?.search(template, { threshold, limit: MAX_HITS + 1, now }) ?? []
      const hits = found.filter(({ id }) => id !== own).slice(0, MAX_HITS)
      return {
        model,
        threshold,
        compared: Math.max(0, (index?.size ?? 0) - 1),
        hits: hits.map(({ id, similarity }): FaceHit => {
          const value = Math.floor(similarity * 1000) / 1000
          const sameData = person !== '' && persons.get(id) === person
          return { ...placeOf(id), value, sameData }
        }),
        assurance: 'not_assured',
      }
    },
    tidy: async (outcomeOf, now) => {
      let waiting = await store.unsettled('')
      while (waiting.length > 0) {
        for (const id of waiting) {
          const outcome = await outcomeOf(id)
          if (outcome === 'approved') await store.settle(id)
          if (outcome === 'rejected' || outcome === undefined) await store.remove('seen', id)
        }
        waiting = await store.unsettled(waiting.at(-1) ?? '')
      }
      await store.purge(now)
      index?.purge(now)
      for (const row of persons.keys()) if (!index?.has(row)) persons.delete(row)
    },
    forget: (sessionId) => store.remove('seen', sessionId),
  }
}

/** The evidence with what the search among kept faces gave. */
export function withFaceSearch(evidence: Evidence, faceSearch: FaceSearch): Evidence {
  return {
    ...evidence,
    faceSearch,
    warnings: [...evidence.warnings, ...faceWarnings(faceSearch)],
  }
}

/** The warnings that hits give; a likeness has a person look and decides nothing. */
export function faceWarnings({ hits }: Pick<FaceSearch, 'hits'>): readonly Warning[] {
  const codes: readonly (readonly [FaceList, Warning['code']])[] = [
    ['seen', 'duplicate_suspected'],
    ['blocklist', 'face_on_blocklist'],
  ]
  return codes
    .filter(([list]) => hits.some((hit) => hit.list === list && !hit.sameData))
    .map(([, code]) => ({ code, feature: 'face' }))
}

/** Puts a face on the blocklist under a name, until `expires`. */
export async function blockFace(
  { store, key, random }: Pick<FaceBookSettings, 'store' | 'key' | 'random'>,
  face: { readonly name: string; readonly model: ModelReference; readonly template: FaceTemplate },
  expires: NumericDate,
): Promise<void> {
  const { name: id, model } = face
  const kept = { list: 'blocklist', id, model: model.sha256, expires, person: '' } as const
  const template = templateOf(face.template, model)
  await store.keep({ ...kept, sealed: sealTemplate(template, kept, { key, random }) })
}

function templateOf(face: FaceTemplate, model: ModelReference): Float32Array {
  const template = face.get(model.id)
  if (template === undefined) throw new Error(`a template lacks network ${model.id}`)
  return template
}

type Place = Pick<KeptFace, 'list' | 'id'>

function rowOf({ list, id }: Place): string {
  return `${list} ${id}`
}

function placeOf(row: string): Place {
  const space = row.indexOf(' ')
  return { list: row.slice(0, space) as FaceList, id: row.slice(space + 1) }
}

function contextOf({ list, id, model, expires, person }: Omit<KeptFace, 'sealed'>): string {
  const own = person === '' ? [] : [person]
  return JSON.stringify(['carnet face', list, id, model, expires, ...own])
}

function sealTemplate(
  template: Float32Array,
  face: Omit<KeptFace, 'sealed'>,
  { key, random }: { readonly key: Uint8Array; readonly random: Random },
): Uint8Array {
  const bytes = Buffer.alloc(template.length * 4)
  for (const [i, value] of template.entries()) bytes.writeFloatLE(value, i * 4)
  return seal(key, bytes, { context: contextOf(face), random })
}

/** @throws OperatorError `config_invalid` */
function openTemplate(key: Uint8Array, face: KeptFace): Float32Array {
  const bytes = unseal(key, face.sealed, contextOf(face))
  if (bytes === undefined) {
    throw new OperatorError('config_invalid', 'a kept face does not open with this key', {
      hint: 'evidence.faceIndex.key is another one, or somebody changed the database',
    })
  }
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}
