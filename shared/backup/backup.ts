import type { WitnessAddress } from '../audit/gather-cosignatures.ts'
import type { NoteVerifier } from '../audit/note.ts'
import type { Fetch } from '../fetch.ts'
import type { JsonObject } from '../json.ts'
import { OperatorError } from '../operator-error.ts'
import type { BackupFiles, BackupManifest } from './manifest.ts'
import { lookAround } from './published.ts'

/** Who can open a backup: whoever knows a passphrase, or holds the identity of one of the recipients (`age1…`). */
export type BackupKey = { readonly passphrase: string } | { readonly recipients: readonly string[] }

/** What opens a backup. */
export type BackupIdentity = { readonly passphrase: string } | { readonly identity: string }

/** What of a program is backed up. */
export interface BackupSource {
  readonly program: BackupManifest['program']
  /** The configuration before defaults, and how its paths are meant. */
  readonly config: JsonObject
  readonly at: (path: string) => string
  /** Members that name files or folders of JSON files, as {@link namedFiles} reads them. */
  readonly members: readonly string[]
  /** Where the mark of the log is. */
  readonly mark: string
  /** The SQLite file; `undefined` where the database is backed up by other means. */
  readonly database: string | undefined
}

/** An opened backup in a folder that has no name of its own yet. */
export interface OpenedBackup {
  readonly manifest: BackupManifest
  readonly files: BackupFiles
  /** The configuration with the paths of the restored files, meant from its folder. */
  readonly config: JsonObject
  /** Where a member's file is as long as it has none; `undefined` where the backup has none. */
  readonly fileOf: (member: string) => string | undefined
  /** The restored database; `undefined` where the backup has none. */
  readonly database: string | undefined
}

const SHORTEST_PASSPHRASE = 12

/** What seals a backup: recipients, or the passphrase of the environment. @throws OperatorError `config_invalid` */
export function backupKey(
  recipients: readonly string[],
  passphrase: string | undefined,
): BackupKey {
  if (recipients.length > 0) return { recipients }
  if (passphrase !== undefined && passphrase.length >= SHORTEST_PASSPHRASE) return { passphrase }
  throw new OperatorError(
    'config_invalid',
    `nothing seals the backup: name a --recipient, or set CARNET_BACKUP_PASSPHRASE to ${SHORTEST_PASSPHRASE} characters or more`,
    { hint: 'age-keygen makes an identity, whose recipient begins with age1' },
  )
}

/** What opens a backup: an identity, or the passphrase of the environment. @throws OperatorError `config_invalid` */
export function backupIdentity(
  identity: string | undefined,
  passphrase: string | undefined,
): BackupIdentity {
  if (identity !== undefined) return { identity }
  if (passphrase !== undefined) return { passphrase }
  throw new OperatorError(
    'config_invalid',
    'nothing opens the backup: name the --identity, or set CARNET_BACKUP_PASSPHRASE',
  )
}

/**
 * Shows that an opened backup is whole, and that nobody outside of it has seen more of its log than it holds, because
 * a server that went on from there would publish older lists and sign another tree of the same size. Answers the mark
 * to go on from. Where nobody could be asked, whoever restores has to say that it is the newest backup.
 * @throws OperatorError `backup_old`, `backup_unusable`
 */
export async function acceptBackup(
  opened: OpenedBackup,
  options: {
    readonly log: NoteVerifier
    /** Texts of marks by the name of their file. */
    readonly marks: Readonly<Record<string, string | undefined>>
    /** Addresses at which the checkpoint of the log is served, and its witnesses. */
    readonly served: readonly string[]
    readonly witnesses: readonly WitnessAddress[]
    readonly fetch: Fetch
    /** Whether whoever restores says that there is no newer state. */
    readonly isNewest: boolean
    /** Shows that the database is whole and continues each of these checkpoints. @throws OperatorError */
    readonly check: (checkpoints: readonly string[]) => Promise<void>
    readonly note: (line: string) => void
  },
): Promise<string | undefined> {
  const { checkpoint } = opened.manifest
  const { sightings, unreachable } = await lookAround({ ...options, checkpoint })
  for (const { by, size } of sightings) options.note(`${by} has seen ${size} entries`)
  for (const by of unreachable) options.note(`${by} could not be asked`)
  if (opened.database === undefined) return undefined
  const own = checkpoint === undefined ? [] : [checkpoint]
  try {
    await options.check([...own, ...sightings.flatMap((seen) => seen.checkpoint ?? [])])
    const held = sizeOf(checkpoint)
    // A witness has no checkpoint to compare; what it has seen is signed, so it is in the newest backup.
    const ahead = sightings.find((seen) => seen.checkpoint === undefined && seen.size > held)
    if (ahead === undefined) return requireComparison(options, { checkpoint, sightings })
    throw new OperatorError('backup_old', `the backup holds ${held} entries of its log`)
  } catch (error) {
    if (!(error instanceof OperatorError) || error.code !== 'backup_old') throw error
    throw new OperatorError('backup_old', error.message, {
      cause: error,
      hint: 'restore the newest backup; if there is none, begin a new log under another baseUrl, as docs/operations.md says, and never remove the mark',
    })
  }
}

function requireComparison(
  { isNewest }: { readonly isNewest: boolean },
  { checkpoint, sightings }: { checkpoint: string | undefined; sightings: readonly unknown[] },
): string | undefined {
  if (sightings.length > 0 || isNewest) return checkpoint
  throw new OperatorError('backup_old', 'nobody could say whether the backup is the newest state', {
    hint: 'name the mark of the log with --mark, or say --newest when you know that nothing was published since',
  })
}

function sizeOf(checkpoint: string | undefined): number {
  return checkpoint === undefined ? 0 : Number(checkpoint.split('\n')[1])
}
