import type { BackupManifest } from '../shared/backup/manifest.ts'
import type { Clock } from '../shared/clock.ts'
import type { Fetch } from '../shared/fetch.ts'
import type { Random } from '../shared/random.ts'
import type { WebhookWorld } from '../shared/webhook/commands.ts'

/** How a backup is restored. */
export interface RestoreOptions {
  readonly from: string
  readonly to: string
  /** A file with an age identity. */
  readonly identity?: string | undefined
  /** A further file in which the mark of the log may be. */
  readonly mark?: string | undefined
  readonly offline: boolean
  readonly newest: boolean
}

/** What the commands reach of the machine they run on. */
export interface World {
  /** A line of the result, to standard output. */
  readonly print: (line: string) => void
  /** A line beside the result, to standard error. */
  readonly note: (line: string) => void
  readonly fetch: Fetch
  readonly clock: Clock
  readonly random: Random
  /** Waits; resolves at once in tests that need no pause. */
  readonly pause: (milliseconds: number) => Promise<void>
  readonly readFile: (path: string) => string
  /** Makes a new file that only its owner may read. @throws OperatorError when there is one already */
  readonly writeNewFile: (path: string, text: string) => void
  /** Makes an Ed25519 key, PKCS#8 PEM. */
  readonly generateLogKey: () => string
  /** Makes a backup of what a configuration names, while the server may run. Answers what it consists of. */
  readonly backup: (
    configFile: string | undefined,
    given: {
      readonly to: string
      readonly recipients: readonly string[]
      readonly withDatabase: boolean
    },
  ) => Promise<BackupManifest>
  /** Opens a backup into a new folder. @throws OperatorError where somebody has seen a newer state */
  readonly restore: (given: RestoreOptions) => Promise<BackupManifest>
  /** Runs `work` on the outbox that a configuration names. The server may run at the same time. */
  readonly withWebhooks: WebhookWorld['withWebhooks']
  /** Serves until the process is told to stop. */
  readonly serve: (configFile: string | undefined) => Promise<void>
  /** The platform key of the environment. */
  readonly platformKey: string | undefined
}
