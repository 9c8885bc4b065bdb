import type { KeyWorld } from '../shared/api-key/commands.ts'
import type { BackupWorld } from '../shared/backup/commands.ts'
import type { Clock } from '../shared/clock.ts'
import type { DoctorWorld } from '../shared/doctor/commands.ts'
import type { Fetch } from '../shared/fetch.ts'
import type { Random } from '../shared/random.ts'
import type { ConfigChoice } from '../shared/tenant/choice.ts'
import type { WebhookWorld } from '../shared/webhook/commands.ts'

/** What the commands reach of the machine they run on. */
export interface World extends BackupWorld, DoctorWorld, KeyWorld, WebhookWorld {
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
  /** Serves until the process is told to stop. */
  readonly serve: (configFile: ConfigChoice) => Promise<void>
  /** The platform key of the environment. */
  readonly platformKey: string | undefined
}
