import type { NumericDate } from '../../shared/clock.ts'
import { interpretSides } from './document/interpret-sides.ts'
import { withSigns } from './document/signs/signs.ts'
import {
  type ClipEvidence,
  type Evidence,
  type ModelReference,
  NOT_ASSURED,
  type Score,
  type Warning,
} from './evidence.ts'
import { type FrameReading, readClip } from './face/clip.ts'
import type { FaceTemplate } from './face/embed.ts'
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
  /** Against a portrait that an issuer signed. */
  readonly portraitMatch: ScoreLimits
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
    ? withSigns(interpretSides({ front: document.side, back: back.side }, now), [
        ...document.signs,
        ...back.signs,
      ])
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
  const clip = selfie.frames ? judgeClip(collector, selfie.face, selfie.frames) : undefined
  return {
    pipeline: version,
    collectedAt: now,
    models,
    document: whole.document,
    faceMatch,
    liveness,
    ...(clip ? { clip } : {}),
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
      ...(clip ? clipWarnings(clip) : []),
    ],
    notAssured: NOT_ASSURED,
  }
}

/** How little a face that moves as a picture does may move within itself. */
const MOTION = 0.03

/** What the frames of a clip say beside a selfie, on the limits of the collector. Pure. */
export function judgeClip(
  { matchModels, livenessModels, ...limits }: Collector,
  selfie: FaceTemplate,
  frames: readonly FrameReading[],
): ClipEvidence {
  const { liveness, likeness, motion, ...counts } = readClip(matchModels, selfie, frames)
  const matching = matchModels.map(({ id }) => id)
  const assurance = 'not_assured'
  return {
    ...counts,
    liveness: { value: rounded(liveness), ...limits.liveness, models: livenessModels, assurance },
    likeness: { value: rounded(likeness), ...limits.faceMatch, models: matching, assurance },
    motion: { value: rounded(motion), threshold: MOTION, review: 0, models: [], assurance },
  }
}

/** The warnings that a clip gives; a workflow can only have a person look for them. */
export function clipWarnings(clip: ClipEvidence): readonly Warning[] {
  const codes: readonly (readonly [Warning['code'], boolean])[] = [
    ['clip_frames_repeated', clip.repeated > 0],
    // Between frames of one minute there is less to differ in than between a selfie and a passport.
    ['clip_person_differs', clip.likeness.value < clip.likeness.threshold],
    ['clip_without_motion', clip.motion.value < clip.motion.threshold],
    ['clip_liveness_low', clip.liveness.value < clip.liveness.threshold],
  ]
  return codes.filter(([, applies]) => applies).map(([code]) => ({ code, feature: 'liveness' }))
}

/**
 * A selfie against the portrait that an issuer has signed, as a step-up needs it. Pure. The limits are its own: such a
 * portrait has no printed lines over it, and none was measured that a chip gave.
 */
export function matchPortrait(
  { matchModels, portraitMatch }: Pick<Collector, 'matchModels' | 'portraitMatch'>,
  portrait: FaceTemplate,
  selfie: FaceTemplate,
): Score {
  const { fused } = compareFaces(matchModels, portrait, selfie)
  const models = matchModels.map(({ id }) => id)
  return { value: rounded(fused), ...portraitMatch, models, assurance: 'measured' }
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
