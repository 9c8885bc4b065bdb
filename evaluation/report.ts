import type { BarcodeFigures } from './measure-barcodes.ts'
import type { CardRow } from './measure-cards.ts'
import type { FaceFigures, FaceRow } from './measure-faces.ts'
import type { ClipRow, LivenessRow } from './measure-liveness.ts'
import type { PhotographFigures } from './measure-photographs.ts'
import type { QualityRow } from './measure-quality.ts'
import type { SignRow } from './measure-signs.ts'
import type { ZoneRow } from './measure-zones.ts'
import { cardSection, signSection } from './report-documents.ts'
import { type Rate, rate, renderRate } from './statistics.ts'
import { table } from './table.ts'

/** Everything that one run measured; a part whose data was absent is left out. */
export interface Figures {
  readonly pipeline: string
  readonly models: readonly { readonly id: string; readonly sha256: string }[]
  readonly zones?: readonly ZoneRow[]
  readonly cards?: readonly CardRow[]
  readonly signs?: readonly SignRow[]
  readonly photographs?: PhotographFigures
  readonly barcodes?: BarcodeFigures
  readonly faces?: FaceFigures
  readonly quality?: { readonly digest: string; readonly rows: readonly QualityRow[] }
  readonly liveness?: {
    readonly digest: string
    readonly rows: readonly LivenessRow[]
    readonly clips: readonly ClipRow[]
  }
}

/** `docs/accuracy.md`. */
export function renderReport(figures: Figures): string {
  return [
    `# What was measured, and what was not

Made by \`npm run evaluate\`; do not edit. Pipeline \`${figures.pipeline}\`. Each rate stands with its counts and its 95 %
Wilson interval. Files are split by SHA-256: even for tuning, odd for reporting; figures are of the reporting part unless
a line says otherwise. Sets are named by the SHA-256 of their list of digests and names. The samples are small: read the
intervals, not the points, and nothing below a false match rate of 1 in 1,000. Drawings are made by the program; the
pictures that others collected are not shipped, because licences differ and some are of real people: each section
names their origin.

**Not measured:** demographic groups (no labelled set is at hand; published studies find false match rates that differ by
up to two orders of magnitude between groups), masks, deepfakes, injected streams, replaced portraits, edited text and recaptured documents (on real
attempts; generated ones are below). The API lists them with every result as \`notAssured\`.`,
    zones(figures.zones),
    cardSection(figures.cards),
    photographs(figures.photographs),
    barcodes(figures.barcodes),
    signSection(figures.signs),
    faces(figures.faces),
    quality(figures.quality),
    liveness(figures.liveness),
    `## Models\n\n${table(
      ['model', 'SHA-256'],
      figures.models.map(({ id, sha256 }) => [id, `\`${sha256}\``]),
    )}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

function zones(rows: Figures['zones']): string {
  if (!rows) return ''
  const degraded = rows.filter(({ name }) => name !== 'clean')
  const sum = (pick: (row: ZoneRow) => number) =>
    degraded.reduce((total, row) => total + pick(row), 0)
  const strong = rows.find(({ direct }) => direct)
  const whole = sum(({ whole: each }) => each.hits)
  const of = sum(({ whole: each }) => each.of)
  return `## Machine-readable zones, drawn documents

TD1, TD2, TD3, MRV-A and MRV-B of Utopia in equal shares, drawn from seeds at 12 pixels a millimetre (\`demo/specimen\`),
then degraded (\`evaluation/degrade.ts\`). *Whole* is every character of every line as drawn; *ok* is the share of whole
readings that the pipeline calls \`ok\`; *wrong ok* must be 0. Degraded together: ${whole} of ${of} whole. Crop heights were
chosen on the tuning part; two rules for \`ok\` (a printed code confirms the state, a character unseen by the second
recogniser is no disagreement under a check digit) were added after an earlier run of the reporting part. Three more (a reading with a
twin is none, an O without a second voice, a label that ends a name) come of the tuning part; one wrong \`ok\` was found there before.

${table(
  ['rendering', 'whole', 'ok', 'wrong ok', 'what is done'],
  rows.map(({ name, description, whole: w, ok, wrongOk }) => [
    name,
    renderRate(w),
    renderRate(ok),
    String(wrongOk),
    description,
  ]),
)}${strong?.direct ? `\n\nWithout laying the page flat by its edges, ${renderRate(strong.direct)} of *${strong.name}* are whole.` : ''}`
}

function photographs(figures: PhotographFigures | undefined): string {
  if (!figures) return ''
  return `## Photographs of specimens

Specimens and cards in the test pictures of PassportEye and image-js, set \`${figures.digest.slice(0, 16)}\`. No truth is recorded: counted are
zones whose check digits are all right, with the pipeline and with a plain reader in the same run: the same text detector
and line network at three crop heights, look-alikes settled by position, without what the pipeline adds (lines and fillers
that the detector lost, a second recogniser, repair by check digits). The plain reader is not shipped. Its crop heights
were looked at on these pictures, and so was the pipeline's way with lines of which the detector lost fillers: read this as
what is reachable, not as a rate.

${table(
  ['reader', 'all check digits right'],
  [
    ['pipeline', renderRate(figures.ours)],
    ['of these `ok`', renderRate(figures.ok)],
    ['plain reader', figures.plain ? renderRate(figures.plain) : 'absent'],
  ],
)}`
}

function barcodes(figures: BarcodeFigures | undefined): string {
  if (!figures) return ''
  return `## PDF417

Photographs in the test pictures of ZXing, each with its text, set \`${figures.digest.slice(0, 16)}\`, both parts (nothing is tuned): text exactly as recorded.

${table(
  ['reader', 'exact'],
  [
    ['pipeline', renderRate(figures.ours)],
    ['zxing-wasm alone', renderRate(figures.alone)],
  ],
)}`
}

function faces(figures: FaceFigures | undefined): string {
  if (!figures) return ''
  const { operating, relatives, strangers } = figures
  const row = ({ name, threshold, falseMatch, falseNonMatch, equalError }: FaceRow) => [
    name,
    threshold.toFixed(2),
    `${falseMatch.hits}/${falseMatch.of}`,
    renderRate(falseNonMatch),
    `${(100 * equalError).toFixed(2)} %`,
  ]
  const head = ['networks', 'z at FMR 1e-3', 'false matches', 'FNMR', 'EER']
  const hard = (name: string, set: FaceFigures['relatives']) => [
    name,
    String(set.pairs),
    renderRate(set.accepted),
    renderRate(set.review),
    set.highest.toFixed(2),
  ]
  return `## Faces, 1:1

A subset of Labeled Faces in the Wild, the three people called John in the examples of dlib, the families in the samples of
Azure-Samples, and the portraits in the samples of \`@vladmandic/human\`, set \`${figures.digest.slice(0, 16)}\`: ${figures.images}
images, ${figures.undetected} undetected. Most have 40 to 50 pixels between the eyes, less than the quality gate asks for. A
pair is of the reporting part when both its files are. The networks' centres and spreads were fixed before, on a larger
collection that holds these files: the shape of the scale is in-sample, the thresholds below are of the part named.

Reporting part:

${table(head, figures.rows.map(row))}

Both parts, because one alone carries few impostor pairs:

${table(head, figures.bothParts.map(row))}

At the pipeline's thresholds (reporting part): impostors accepted ${renderRate(operating.accepted)}, genuine accepted
without review ${renderRate(operating.genuineAccepted)}, genuine below review ${renderRate(operating.genuineLow)}.

The hardest impostors, all files: never accepted without review is the goal.

${table(
  ['pairs of', 'pairs', 'accepted', 'to review', 'highest z'],
  [
    hard('different members of one family, children among them', relatives),
    hard('strangers in one photograph', strangers),
  ],
)}

Selfie against a portrait as an issuer signs it (60 pixels between the eyes, JPEG) and as a document shows it (generated: reduced,
paler, behind printed lines, JPEG), reporting part:

${table(
  ['level', 'genuine pairs', 'accepted', 'below review', 'impostors accepted'],
  figures.portraits.map(({ level, pairs, genuineAccepted, genuineLow, falseAccepted }) => [
    level,
    String(pairs),
    renderRate(genuineAccepted),
    renderRate(genuineLow),
    renderRate(falseAccepted),
  ]),
)}

The same pairs for every network and fused set, because the plain pairs above are too easy to tell them apart: genuine pairs missed at the
threshold at which one impostor pair in a thousand of the same level passes (FNMR at FMR 1e-3), each at its own:

${table(
  ['networks', ...figures.portraits.map(({ level }) => level)],
  (figures.portraits[0]?.rows ?? []).map(({ name }, index) => [
    name,
    ...figures.portraits.map(({ rows }) => renderRate(rows[index]?.falseNonMatch ?? NO_RATE)),
  ]),
)}`
}

const NO_RATE: Rate = { hits: 0, of: 0, low: 0, high: 1 }

function quality(figures: Figures['quality']): string {
  if (!figures) return ''
  return `## Faults of a picture of a face

Pictures of the sets above but the families, \`${figures.digest.slice(0, 16)}\`, reporting part, each given one fault at a time by the program: what is
drawn over a face is simpler than glasses, masks and hands are, so read the last rows as a smoke test. *Named* is the share
of which the pipeline names the fault; of some it finds no face at all, and says so instead. *Named before* is the share
of the same pictures unaltered: false alarms, where the picture does not have the fault by itself. Limits for covered faces were chosen
on the tuning part. Turned heads are not measured: no labelled picture is at hand.

${table(
  ['fault', 'what is done', 'named', 'no face', 'named before'],
  figures.rows.map(({ fault, done, raised, noFace, raisedUnaltered }) => [
    `\`${fault}\``,
    done,
    renderRate(raised),
    String(noFace),
    renderRate(raisedUnaltered),
  ]),
)}`
}

function liveness(figures: Figures['liveness']): string {
  if (!figures) return ''
  return `## Liveness, one still

The portraits as above, the pictures of Silent-Face (one live face, one print, one screen) and the specimens as above, set
\`${figures.digest.slice(0, 16)}\`, all files. Real attacks are one picture of a print, one of a screen, and portraits
printed in documents: this is a smoke test, not an error rate. Synthetic attacks are made here from the portraits and
prove little about real ones. The limits were chosen on another collection that holds these files. Masks, deepfakes and injected streams: not assured.

${table(
  ['kind', 'class', 'scored', 'passed', 'below review'],
  figures.rows.map(({ kind, name, scores, passed, belowReview }) => [
    kind,
    name,
    String(scores),
    renderRate(passed),
    renderRate(belowReview),
  ]),
)}

## Liveness, a clip of frames

Clips of five frames that the program makes; there is no recorded clip of an attack at hand, so every score of a clip is \`not_assured\`: it
can have a person look and never passes or rejects. Bona fide are stills of one recording session of one person, seconds apart. *Warned* counts
clips with the warning that is meant for the class, *any* those with any.

${table(
  ['class', 'what is done', 'warning', 'warned', 'any'],
  [
    ...figures.clips.map(({ name, done, code, warned, any }) => [
      name,
      done,
      code === undefined ? '–' : `\`${code}\``,
      code === undefined ? '–' : renderRate(warned),
      renderRate(any),
    ]),
    ...['a screen that plays a recording', 'mask', 'deepfake in the stream'].map((name) => [
      name,
      'no data',
      '–',
      'not assured',
      'not assured',
    ]),
  ],
)}`
}

/** A rate that the check compares between runs: higher is better. */
export interface Tracked {
  readonly name: string
  readonly rate: Rate
}

/** The figures that may not get worse unnoticed. */
export function trackedRates(figures: Figures): readonly Tracked[] {
  const tracked: Tracked[] = []
  const add = (name: string, value: Rate | undefined) => {
    if (value) tracked.push({ name, rate: value })
  }
  for (const row of figures.zones ?? []) {
    add(`zone ${row.name} whole`, row.whole)
    add(`zone ${row.name} ok`, row.ok)
  }
  for (const { card, rendering, fields, categories, otherFound } of figures.cards ?? []) {
    add(`card ${card} ${rendering} fields`, fields)
    add(`card ${card} ${rendering} categories`, categories)
    add(`card ${card} ${rendering} other back found`, otherFound)
  }
  for (const { name, any } of figures.signs ?? []) {
    const isGenuine = name === 'genuine' || name === 'photographs of specimens'
    // Higher is better in every tracked rate: of genuine pictures, those that raise none.
    add(`signs ${name}`, isGenuine ? rate(any.of - any.hits, any.of) : any)
  }
  add('photographs whole', figures.photographs?.ours)
  add('pdf417 exact', figures.barcodes?.ours)
  add('faces genuine accepted', figures.faces?.operating.genuineAccepted)
  return tracked
}

/** The rates that are below the committed ones by more than the committed interval. */
export function regressions(
  committed: readonly Tracked[],
  measured: readonly Tracked[],
): readonly string[] {
  return measured.flatMap(({ name, rate: now }) => {
    const before = committed.find((each) => each.name === name)?.rate
    if (!before || before.of === 0 || now.of === 0) return []
    const share = now.hits / now.of
    return share < before.low
      ? [`${name}: ${renderRate(now)}, committed ${renderRate(before)}`]
      : []
  })
}
