import type { Account, KnownPasskey, PageSession } from './account.ts'
import type { AccountSummary } from './store.ts'
import type { AccountRole } from './view.ts'

/** How much later a session has to last for its use to be written down. */
export const TOUCH_SECONDS = 60

export interface AccountRow {
  readonly id: string
  readonly name: string
  readonly role: AccountRole
}

export interface SummaryRow extends AccountRow {
  readonly created_at: number
  readonly passkeys: number
  readonly sessions: number
  readonly last_used_at: number | null
  readonly invited_until: number | null
}

export interface PasskeyRow {
  readonly passkey_id: string
  readonly public_key: Uint8Array
  readonly counter: number
  readonly backup_eligible: number
  readonly backed_up: number
  readonly transports: string
  readonly passkey_created_at: number
  readonly passkey_used_at: number | null
}

export interface SessionRow extends AccountRow {
  readonly id_sha256: string
  readonly passkey_id: string
  readonly idle_until: number
  readonly ends_at: number
}

/** The columns of a {@link PasskeyRow}. */
export const PASSKEY_COLUMNS = `passkey.id AS passkey_id, public_key, counter, backup_eligible, backed_up, transports,
  passkey.created_at AS passkey_created_at, passkey.last_used_at AS passkey_used_at`

export function accountOf({ id, name, role }: AccountRow): Account {
  return { id, name, role }
}

export function summaryOf(row: SummaryRow): AccountSummary {
  return {
    ...accountOf(row),
    createdAt: row.created_at,
    passkeys: row.passkeys,
    sessions: row.sessions,
    lastUsedAt: row.last_used_at ?? undefined,
    invitedUntil: row.invited_until ?? undefined,
  }
}

export function passkeyOf(row: PasskeyRow): KnownPasskey {
  return {
    id: row.passkey_id,
    publicKey: new Uint8Array(row.public_key),
    counter: row.counter,
    isBackupEligible: row.backup_eligible === 1,
    isBackedUp: row.backed_up === 1,
    transports: JSON.parse(row.transports) as string[],
    createdAt: row.passkey_created_at,
    lastUsedAt: row.passkey_used_at ?? undefined,
  }
}

export function sessionOf(row: SessionRow): PageSession {
  return {
    account: accountOf(row),
    idSha256: row.id_sha256,
    passkeyId: row.passkey_id,
    idleUntil: row.idle_until,
    endsAt: row.ends_at,
  }
}

/** Until when a session that is used now lasts, where that is later enough to be written. */
export function laterIdle(
  { idle_until, ends_at }: SessionRow,
  idleSeconds: number,
  now: number,
): number | undefined {
  const until = Math.min(now + idleSeconds, ends_at)
  return until >= idle_until + TOUCH_SECONDS || (until === ends_at && until > idle_until)
    ? until
    : undefined
}
