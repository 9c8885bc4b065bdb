import { z } from 'zod'

/** What a network is for. None guesses emotion, gender, race or age. */
export const MODEL_ROLES = [
  'face-detector',
  'face-mesh',
  'face-embedding',
  'liveness-box',
  'liveness',
  'eye-state',
  'text-detector',
  'text-recogniser',
  'text-alphabet',
  'mrz-recogniser',
  'document-edges',
] as const

export type ModelRole = (typeof MODEL_ROLES)[number]

/** What the manifest says of one model file. */
export interface ModelDeclaration {
  readonly role: ModelRole
  readonly sha256: string
  readonly licence: string
  readonly provenance: string
  /** Whether origin and training of the weights are documented; a switch leaves out those that are not. */
  readonly documented: boolean
  readonly input?: InputDeclaration | undefined
  readonly output?: OutputDeclaration | undefined
  readonly embedding?: EmbeddingDeclaration | undefined
}

/** Shape and preprocessing of a network's input; a letter is a free dimension. */
export interface InputDeclaration {
  readonly shape: readonly (number | string)[]
  readonly layout: 'NCHW' | 'NHWC'
  readonly colour: 'RGB' | 'BGR' | 'RGBA' | 'grey'
  readonly subtract: number | readonly [number, number, number]
  readonly divide: number | readonly [number, number, number]
}

export interface OutputDeclaration {
  readonly shapes: readonly (readonly (number | string)[])[]
  readonly meaning: string
}

/** How a face is laid before an embedding network and how two embeddings compare: z = (similarity - centre) / spread. */
export interface EmbeddingDeclaration {
  readonly template: 'arcface-112' | 'dlib-150'
  readonly mirror: 'average' | 'unit-sum'
  readonly metric: 'euclidean' | 'cosine'
  readonly centre: number
  readonly spread: number
}

/** From `threshold` on a score speaks for the applicant, from `review` on a person looks. */
export interface ScoreLimits {
  readonly threshold: number
  readonly review: number
}

/** Which of the declared models decide, and with which limits: chosen together, because a limit is of its models. */
export interface ModelUse {
  readonly embeddings: readonly string[]
  readonly faceMatch: ScoreLimits
  /** Against a portrait that an issuer signed. */
  readonly portraitMatch: ScoreLimits
  readonly livenessBox: string
  readonly liveness: string
  readonly livenessLimits: ScoreLimits
}

export interface ModelManifest {
  readonly use: ModelUse
  readonly models: Readonly<Record<string, ModelDeclaration>>
}

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const shape = z.array(z.union([z.int().positive(), z.string().max(8)]))
const perChannel = z.union([z.number(), z.tuple([z.number(), z.number(), z.number()])])

const source = z.union([
  z.strictObject({
    package: z.string(),
    convert: z.enum(['dlib', 'tfjs', 'tflite', 'copy']),
    files: z.record(z.string(), digest),
  }),
  z.strictObject({ file: z.string() }),
  z.strictObject({ url: z.url({ protocol: /^https$/ }) }),
])

const model = z.strictObject({
  role: z.enum(MODEL_ROLES),
  source,
  bytes: z.int().positive().optional(),
  sha256: digest,
  licence: z.string().min(1),
  provenance: z.string().min(1),
  documented: z.boolean(),
  input: z
    .strictObject({
      shape,
      layout: z.enum(['NCHW', 'NHWC']),
      colour: z.enum(['RGB', 'BGR', 'RGBA', 'grey']),
      subtract: perChannel,
      divide: perChannel,
    })
    .optional(),
  output: z.strictObject({ shapes: z.array(shape), meaning: z.string() }).optional(),
  embedding: z
    .strictObject({
      template: z.enum(['arcface-112', 'dlib-150']),
      mirror: z.enum(['average', 'unit-sum']),
      metric: z.enum(['euclidean', 'cosine']),
      centre: z.number(),
      spread: z.number().positive(),
    })
    .optional(),
})

const id = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
const limits = z.strictObject({ threshold: z.number(), review: z.number() })

const manifest = z.strictObject({
  producer: z.string(),
  use: z.strictObject({
    embeddings: z.array(id).min(1).max(8),
    faceMatch: limits,
    portraitMatch: limits,
    livenessBox: id,
    liveness: id,
    livenessLimits: limits,
  }),
  packages: z.record(z.string(), z.strictObject({ integrity: z.string(), licence: z.string() })),
  models: z.record(id, model),
})

/**
 * Reads a manifest. Throws where a member is missing or unknown, a role is one that is not used, or what is to be used is
 * not declared for that role.
 */
export function parseManifest(value: unknown): ModelManifest {
  const { use, models } = manifest.parse(value)
  const wanted: readonly (readonly [string, ModelRole])[] = [
    ...use.embeddings.map((name) => [name, 'face-embedding'] as const),
    [use.livenessBox, 'liveness-box'],
    [use.liveness, 'liveness'],
  ]
  for (const [name, role] of wanted) {
    if (models[name]?.role !== role) throw new Error(`the manifest declares no ${role} ${name}`)
  }
  return { use, models }
}
