import { z } from 'zod'
import type { NumericDate } from '../clock.ts'
import { JsonError, type JsonObject, parseJson } from '../json.ts'
import { OperatorError } from '../operator-error.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** One sealed file of a backup. */
export interface SealedFile {
  /** Its name in the folder. */
  readonly file: 'database.age' | 'files.age'
  readonly sealedSha256: string
  /** Of what is in it. */
  readonly sha256: string
  readonly bytes: number
}

/** What a backup consists of; it is not sealed and tells nothing of a person. */
export interface BackupManifest {
  readonly format: 'carnet-backup/1'
  readonly program: 'carnet-issuer' | 'carnet-verifier'
  readonly madeAt: NumericDate
  /** The last checkpoint that the database in the backup has signed, as it was. */
  readonly checkpoint?: string | undefined
  readonly database?: SealedFile | undefined
  readonly files: SealedFile
}

/** What stands beside the database: configuration, keys, certificates, lists. */
export interface BackupFiles {
  /** The configuration, with the variables of the environment that went over it. */
  readonly config: JsonObject
  /** Where the mark of the log is kept, so that a restore on the same machine can look there. */
  readonly mark: string
  /** Files that members of the configuration name, base64. A folder has several. */
  readonly files: readonly {
    readonly member: string
    readonly name: string
    readonly folder: boolean
    readonly content: string
  }[]
}

const sealed: z.ZodType<SealedFile> = z.strictObject({
  file: z.enum(['database.age', 'files.age']),
  sealedSha256: sha256,
  sha256,
  bytes: z.int().min(0),
})

const manifestSchema: z.ZodType<BackupManifest> = z.strictObject({
  format: z.literal('carnet-backup/1'),
  program: z.enum(['carnet-issuer', 'carnet-verifier']),
  madeAt: z.int().min(0),
  checkpoint: z.string().max(65_536).optional(),
  database: sealed.optional(),
  files: sealed,
})

const filesSchema: z.ZodType<BackupFiles> = z.strictObject({
  config: z.record(z.string(), z.json()) as z.ZodType<JsonObject>,
  mark: z.string(),
  files: z.array(
    z.strictObject({
      member: z.string().min(1).max(256),
      name: z.string().regex(/^[\w-][\w.-]{0,127}$/),
      folder: z.boolean(),
      content: z.base64(),
    }),
  ),
})

/** @throws OperatorError `backup_unusable` */
export function parseManifest(text: string): BackupManifest {
  return parse(manifestSchema, text, 'manifest.json')
}

/** @throws OperatorError `backup_unusable` */
export function parseFiles(text: string): BackupFiles {
  return parse(filesSchema, text, 'files.age')
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  name: string,
): z.output<Schema> {
  try {
    const result = schema.safeParse(parseJson(text, { maxLength: 1 << 28 }))
    if (result.success) return result.data
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
  }
  throw new OperatorError('backup_unusable', `${name} is not what a backup of this version has`)
}
