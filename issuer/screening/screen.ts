import type { NumericDate } from '../../shared/clock.ts'
import type { Evidence } from '../evidence/evidence.ts'
import { compareNames, type NameComparison, type PreparedName, prepareName } from './name.ts'
import type { Watchlist, WatchlistEntry } from './watchlist.ts'

/** The rules by which a score came about; a change of them is a new name. */
export const SCREENING_ALGORITHM = 'carnet-screening/2'

export type ScreeningFeature = 'name' | 'birthdate' | 'nationality'

/** What one feature said: the score of the name, or what another feature added to it or took away. */
export interface FeatureScore {
  readonly feature: ScreeningFeature
  readonly score: number
  readonly subject: string
  readonly listed: string
}

/** A list entry that a person must look at. It is a likeness, never an identification. */
export interface Hit {
  readonly list: string
  readonly entry: string
  readonly programme: string
  /** 0 to 1. */
  readonly score: number
  readonly features: readonly FeatureScore[]
}

/** What screening found, with all that is needed to find it again: lists by digest, rules, threshold, features. */
export interface Screening {
  readonly algorithm: string
  readonly screenedAt: NumericDate
  readonly threshold: number
  readonly lists: readonly {
    readonly id: string
    readonly version: string
    readonly sha256: string
    readonly entries: number
  }[]
  /** The features that the evidence had. A clear result by name alone is weaker, and this says so. */
  readonly compared: readonly ScreeningFeature[]
  readonly hits: readonly Hit[]
}

const SAME_DAY = 0.05
const SAME_YEAR = -0.1
const OTHER_YEAR = -0.15
const OTHER_NATIONALITY = -0.05
const MAX_HITS = 100

/**
 * Screens the person in the evidence against the lists: the same evidence, lists and threshold give the same
 * screening. Birth date and nationality move the score of the name and are never needed for a hit, because lists are
 * wrong about them too.
 */
export function screen(
  evidence: Evidence,
  lists: readonly Watchlist[],
  { threshold, now }: { readonly threshold: number; readonly now: NumericDate },
): Screening {
  const subject = subjectOf(evidence)
  const compared: ScreeningFeature[] = []
  if (subject.name.spellings[0]?.length) compared.push('name')
  if (subject.birthdate !== undefined) compared.push('birthdate')
  if (subject.nationality !== undefined) compared.push('nationality')
  const hits = lists.flatMap((list) =>
    list.entries.flatMap((entry) => {
      const features = compare(subject, entry)
      const score = total(features)
      if (score < threshold) return []
      return [{ list: list.id, entry: entry.id, programme: entry.programme, score, features }]
    }),
  )
  hits.sort((a, b) => b.score - a.score)
  return {
    algorithm: SCREENING_ALGORITHM,
    screenedAt: now,
    threshold,
    lists: lists.map(({ id, version, sha256, entries }) => ({
      id,
      version,
      sha256,
      entries: entries.length,
    })),
    compared,
    hits: hits.slice(0, MAX_HITS),
  }
}

interface Subject {
  readonly name: PreparedName
  readonly birthdate: string | undefined
  readonly nationality: string | undefined
}

function subjectOf({ document: { fields } }: Evidence): Subject {
  const names = [fields.given_name?.value, fields.family_name?.value]
  return {
    name: prepareName(names.filter((name) => name !== undefined).join(' ')),
    birthdate: fields.birthdate?.value,
    nationality: fields.nationality?.value,
  }
}

function compare(subject: Subject, entry: WatchlistEntry): FeatureScore[] {
  const { listed, comparison } = bestName(subject.name, entry.names)
  const features: FeatureScore[] = [
    { feature: 'name', score: comparison.score, subject: subject.name.text, listed },
  ]
  if (subject.birthdate !== undefined && entry.birthdates.length > 0) {
    features.push(compareBirthdate(subject.birthdate, entry.birthdates))
  }
  if (subject.nationality !== undefined && entry.nationalities.length > 0) {
    const same = entry.nationalities.includes(subject.nationality)
    features.push({
      feature: 'nationality',
      score: same ? 0 : OTHER_NATIONALITY,
      subject: subject.nationality,
      listed: entry.nationalities.join(' '),
    })
  }
  return features
}

function bestName(
  subject: PreparedName,
  names: readonly PreparedName[],
): { listed: string; comparison: NameComparison } {
  return names
    .map((name) => ({ listed: name.text, comparison: compareNames(subject, name) }))
    .reduce((best, next) => (next.comparison.score > best.comparison.score ? next : best))
}

/** A list often knows the year alone; the best of its dates counts. */
function compareBirthdate(subject: string, dates: readonly string[]): FeatureScore {
  return dates
    .map((listed): FeatureScore => {
      const score = subject.startsWith(listed)
        ? listed.length === subject.length
          ? SAME_DAY
          : 0
        : subject.slice(0, 4) === listed.slice(0, 4)
          ? SAME_YEAR
          : OTHER_YEAR
      return { feature: 'birthdate', score, subject, listed }
    })
    .reduce((best, next) => (next.score > best.score ? next : best))
}

/** Rounded to four places, so that the text of a stored score is its value. */
function total(features: readonly FeatureScore[]): number {
  const sum = features.reduce((value, { score }) => value + score, 0)
  return Math.round(Math.min(1, Math.max(0, sum)) * 1e4) / 1e4
}
