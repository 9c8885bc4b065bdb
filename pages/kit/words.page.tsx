import { type ComponentChildren, createContext, type VNode } from 'preact'
import { useContext, useEffect, useMemo, useState } from 'preact/hooks'
import { english } from '../words/english.ts'
import { german } from '../words/german.ts'
import type { Language, WordKey } from '../words/language.ts'
import type { Phrase } from '../words/phrase.ts'

/** Every language that the pages speak; the first is for whoever asks for none of them. */
const LANGUAGES: readonly Language[] = [english, german]
const CHOICE = 'carnet-language'

/** The pages' words in the language of whoever looks. */
export interface Words {
  readonly language: Language
  readonly languages: readonly Language[]
  choose(tag: string): void
  /** The words of a key, with `{name}` replaced; a phrase that depends on a number takes it as `count`. */
  /** What is said of a problem code; `undefined` for one that the pages have no words for. */
  sayProblem(code: string): string | undefined
  say(key: WordKey, values?: Readonly<Record<string, string | number>>): string
  /** A moment, as a date and a time of the reader's own zone. */
  moment(at: number): string
  /** A length of time in the largest unit that fits, such as `5 minutes`. */
  duration(seconds: number): string
  number(value: number): string
}

const Spoken = createContext<Words | undefined>(undefined)

/** The words of the page that a component stands in. */
export function useWords(): Words {
  const words = useContext(Spoken)
  if (words === undefined) throw new Error('there is no language around this')
  return words
}

/** Puts a language around a page: the one that was chosen here before, else the first of the browser's that there is. */
export function Speaking({ children }: { readonly children: ComponentChildren }): VNode {
  const [language, setLanguage] = useState(preferredLanguage)
  useEffect(() => {
    document.documentElement.lang = language.tag
    document.title = `${language.words['operator.title']} · Carnet`
  }, [language])
  const words = useMemo(
    () =>
      wordsOf(language, (next) => {
        localStorage.setItem(CHOICE, next.tag)
        setLanguage(next)
      }),
    [language],
  )
  return <Spoken.Provider value={words}>{children}</Spoken.Provider>
}

function preferredLanguage(): Language {
  const asked = [localStorage.getItem(CHOICE) ?? '', ...navigator.languages]
  const tags = asked.map((tag) => tag.split('-')[0])
  const [first = english] = LANGUAGES
  return (
    tags
      .map((tag) => LANGUAGES.find((language) => language.tag === tag))
      .find((language) => language !== undefined) ?? first
  )
}

function wordsOf(language: Language, onChoice: (language: Language) => void): Words {
  const { tag } = language
  const plurals = new Intl.PluralRules(tag)
  // English is written in more than one way, and the browser knows which of them its user reads.
  const region = navigator.languages.find((each) => each.split('-')[0] === tag) ?? tag
  const moments = new Intl.DateTimeFormat(region, { dateStyle: 'medium', timeStyle: 'short' })
  const numbers = new Intl.NumberFormat(region)
  return {
    language,
    languages: LANGUAGES,
    choose: (next) => {
      const chosen = LANGUAGES.find((each) => each.tag === next)
      if (chosen !== undefined) onChoice(chosen)
    },
    say: (key, values = {}) => {
      const text = chosenForm(language.words[key], values.count, plurals)
      return text.replace(/\{(\w+)\}/g, (_, name: string) => {
        const value = values[name] ?? ''
        return typeof value === 'number' ? numbers.format(value) : value
      })
    },
    sayProblem: (code) => {
      const key = `problem.${code}`
      return isKey(language, key) ? chosenForm(language.words[key], 0, plurals) : undefined
    },
    moment: (at) => moments.format(new Date(at * 1000)),
    duration: (seconds) => {
      const [unit, length] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1]
      const value = Math.floor(seconds / length)
      return new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
    },
    number: (value) => numbers.format(value),
  }
}

function isKey({ words }: Language, key: string): key is WordKey {
  return Object.hasOwn(words, key)
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

function chosenForm(
  phrase: Phrase,
  count: string | number | undefined,
  plurals: Intl.PluralRules,
): string {
  if (typeof phrase === 'string') return phrase
  return plurals.select(Number(count ?? 0)) === 'one' ? phrase.one : phrase.other
}
