import type { NumericDate } from '../../shared/clock.ts'
import { interpretSides } from './document/interpret-sides.ts'
import {
  type Evidence,
  type ModelReference,
  NOT_ASSURED,
  type Score,
  type Warning,
} from './evidence.ts'
import { compareFaces, type MatchModel } from './face/match.ts'
import type { ScoreLimits } from './manifest.ts'
import type { DocumentBackReading, DocumentReading, SelfieReading } from './pipeline.ts'

/** What of a pipeline evidence depends on beside the readings. */
export interface Collector {
  readonly version: string
  readonly models: readonly ModelReference[]
  readonly matchModels: readonly MatchModel[]
  /** None where the operator leaves out networks of undocumented origin: then liveness is not assured. */
  readonly livenessModels: readonly string[]
  readonly faceMatch: ScoreLimits
  readonly liveness: ScoreLimits
}

/**
 * Compares the portrait with the selfie and sums up what both showed. Pure. The limits are the manifest's, beside the
 * models that they were chosen for.
 */
export function collectEvidence(
  collector: Collector,
  {
    document,
    back,
    selfie,
    now,
  }: {
    document: DocumentReading
    back?: DocumentBackReading | undefined
    selfie: SelfieReading
    now: NumericDate
  },
): Evidence {
  const whole = back
    ? interpretSides({ front: document.side, back: back.side }, now)
    : { document: document.document, warnings: document.warnings }
  const { version, models, matchModels, livenessModels } = collector
  const { fused } = compareFaces(matchModels, document.portrait, selfie.face)
  const faceMatch: Score = {
    value: rounded(fused),
    ...collector.faceMatch,
    models: matchModels.map(({ id }) => id),
    assurance: 'measured',
  }
  const liveness: Score = {
    value: rounded(selfie.liveness),
    ...collector.liveness,
    models: livenessModels,
    assurance: livenessModels.length > 0 ? 'measured' : 'not_assured',
  }
  return {
    pipeline: version,
    collectedAt: now,
    models,
    document: whole.document,
    faceMatch,
    liveness,
    warnings: [
      ...whole.warnings,
      ...(back ? document.warnings.filter(({ feature }) => feature !== 'document') : []),
      ...selfie.warnings,
      ...scoreWarnings(faceMatch, {
        feature: 'face',
        low: 'face_match_low',
        between: 'face_match_review',
      }),
      ...scoreWarnings(liveness, {
        feature: 'liveness',
        low: 'liveness_low',
        between: 'liveness_review',
      }),
    ],
    notAssured: NOT_ASSURED,
  }
}

/** Three decimals say all there is, and the same score prints the same everywhere. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}

function scoreWarnings(
  { value, threshold, review }: Score,
  {
    feature,
    low,
    between,
  }: { feature: Warning['feature']; low: Warning['code']; between: Warning['code'] },
): readonly Warning[] {
  if (value >= threshold) return []
  return [{ code: value >= review ? between : low, feature }]
}
