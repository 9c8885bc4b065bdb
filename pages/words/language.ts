import type { english } from './english.ts'
import type { Phrase } from './phrase.ts'

/** Everything that is said. English has every key; another language has to have the same ones. */
export type WordKey = keyof (typeof english)['words']

/** A language as data. */
export interface Language {
  /** BCP 47. */
  readonly tag: string
  /** Its name in itself. */
  readonly name: string
  readonly words: Readonly<Record<WordKey, Phrase>>
}
