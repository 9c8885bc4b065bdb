import type { NumericDate } from '../../../shared/clock.ts'

/** Why a face is kept: somebody was verified, or an operator wants to know when they come. */
export type FaceList = 'seen' | 'blocklist'

/** A face that an issuer keeps for searching. Its template is sealed: who has the store and not the key has none. */
export interface KeptFace {
  readonly list: FaceList
  /** The session, or the name that an operator gave. */
  readonly id: string
  /** SHA-256 of the network, hexadecimal; templates of two networks say nothing about each other. */
  readonly model: string
  /** A keyed digest of the person's name and date of birth; empty where they are not known. */
  readonly person: string
  readonly sealed: Uint8Array
  readonly expires: NumericDate
}

/** How far somebody knows what is kept. */
export interface FaceCursor {
  /** The number of the last change that is known; each face that is kept is one. */
  readonly change: number
  /** How often faces were removed before their time. */
  readonly removals: number
}

/** What happened since a cursor. */
export interface FaceChanges {
  /** Faces that were kept, in the order in which they were. */
  readonly kept: readonly KeptFace[]
  /** All faces that there are, where some were removed before their time. */
  readonly all: readonly Pick<KeptFace, 'list' | 'id'>[] | undefined
  readonly cursor: FaceCursor
  /** Whether more was kept than one answer holds. */
  readonly more: boolean
}

/**
 * Keeps sealed faces, apart from everything else that an issuer keeps. Each method is one transaction, durable when it
 * resolves; what one process keeps is in the next answer of `changes` in every other.
 */
export interface FaceStore {
  /** Keeps a face in place of one of the same list and id. That of a session waits to be settled. */
  keep(face: KeptFace): Promise<void>
  /** What happened since `cursor`, from the beginning where none is given. */
  changes(cursor: FaceCursor | undefined): Promise<FaceChanges>
  /** The next sessions after this one whose faces are kept until it is known what became of them, by id. */
  unsettled(after: string): Promise<readonly string[]>
  /** Says that the face of a session stays until it expires. */
  settle(id: string): Promise<void>
  /** Removes a face before its time and answers whether it was there. */
  remove(list: FaceList, id: string): Promise<boolean>
  /** The faces of the blocklist without their templates, by name. */
  blocklist(): Promise<readonly Pick<KeptFace, 'id' | 'expires'>[]>
  /** Removes what has expired and answers how many that were. */
  purge(now: NumericDate): Promise<number>
}

/** Faces that one answer of `changes` holds, and sessions in one of `unsettled`. */
export const FACES_AT_ONCE = 4096
