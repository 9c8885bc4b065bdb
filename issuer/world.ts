import type { AccountWorld } from '../shared/account/commands.ts'
import type { KeyWorld } from '../shared/api-key/commands.ts'
import type { AuditLog } from '../shared/audit/log.ts'
import type { LogFolder } from '../shared/audit/log-folder.ts'
import type { BackupWorld } from '../shared/backup/commands.ts'
import type { Clock, NumericDate } from '../shared/clock.ts'
import type { DoctorWorld } from '../shared/doctor/commands.ts'
import type { Fetch } from '../shared/fetch.ts'
import type { Es256Signer } from '../shared/key/signer.ts'
import type { Random } from '../shared/random.ts'
import type { CopyResult } from '../shared/store/copy.ts'
import type { ConfigChoice } from '../shared/tenant/choice.ts'
import type { WebhookWorld } from '../shared/webhook/commands.ts'
import type { TokenKey } from './config.ts'
import type { FaceStore } from './evidence/face/face-store.ts'
import type { IssuerStore } from './store.ts'

/** A fresh P-256 key: what signs with it, and its PKCS#8 PEM for the one file that keeps it. */
export interface FreshKey {
  readonly signer: Es256Signer
  readonly pkcs8: string
}

/** The faces of an issuer, as an operator sees them. */
export interface KeptFaces {
  readonly store: FaceStore
  /** For how many days a face is kept where nothing else is said. */
  readonly days: number
  /** Puts the face in a picture on the blocklist under a name, until `expires`. @throws OperatorError */
  block(name: string, imageFile: string, expires: NumericDate): Promise<void>
}

/** What the commands reach of the machine they run on. */
export interface World extends AccountWorld, BackupWorld, DoctorWorld, KeyWorld, WebhookWorld {
  /** A line of the result, to standard output. */
  readonly print: (line: string) => void
  /** A line beside the result, to standard error. */
  readonly note: (line: string) => void
  readonly fetch: Fetch
  readonly clock: Clock
  readonly random: Random
  readonly readFile: (path: string) => string
  /** Makes a new file that only its owner may read, and its folder. @throws OperatorError when there is one already */
  readonly writeNewFile: (path: string, text: string) => void
  /** Puts a text in place of a file's as a whole. */
  readonly replaceFile: (path: string, text: string) => void
  readonly generateKey: () => FreshKey
  /** Makes a P-256 key on a PKCS#11 token, which it never leaves. @throws OperatorError */
  readonly generateTokenKey: (key: TokenKey) => Promise<Es256Signer>
  readonly openKey: (pkcs8: string) => Es256Signer
  /** Makes an Ed25519 key, PKCS#8 PEM. */
  readonly generateLogKey: () => string
  /** The verifier key of the log that a configuration names. C2SP signed-note. */
  readonly logVerifierKey: (configFile: ConfigChoice) => string
  /** Runs `work` on the store that a configuration names. The server may run at the same time. */
  readonly withStore: <Result>(
    configFile: ConfigChoice,
    work: (store: IssuerStore) => Promise<Result>,
  ) => Promise<Result>
  /** Runs `work` on the audit log that a configuration names. The server may run at the same time. */
  readonly withLog: <Result>(
    configFile: ConfigChoice,
    work: (log: AuditLog) => Promise<Result>,
  ) => Promise<Result>
  /** Runs `work` on the faces that a configuration keeps for searching. The server may run at the same time. @throws OperatorError */
  readonly withFaces: <Result>(
    configFile: ConfigChoice,
    work: (faces: KeptFaces) => Promise<Result>,
  ) => Promise<Result>
  /** A copy of the log as files for a web server. */
  readonly logFolder: (path: string) => LogFolder
  /** Copies an SQLite file to an empty PostgreSQL database, all or nothing. @throws OperatorError */
  readonly copyStore: (given: {
    readonly from: string
    readonly to: string
  }) => Promise<readonly CopyResult[]>
  /** Serves until the process is told to stop. */
  readonly serve: (configFile: ConfigChoice) => Promise<void>
  readonly keys: { readonly reviewer: string | undefined; readonly operator: string | undefined }
}
