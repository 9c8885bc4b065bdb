import { chmodSync, closeSync, openSync } from 'node:fs'
import { newIdentifier } from '../../shared/identifier.ts'
import type { EcPublicJwk } from '../../shared/key/signer.ts'
import type { Random } from '../../shared/random.ts'
import { type Database, openSqlite } from '../../shared/store/database.sqlite.ts'
import { WalletError } from '../error.ts'
import type { JournalEntry, PresentationParty } from '../journal/journal.ts'
import { isFree } from './copy.ts'
import { type CopyRecord, type IssuanceRecord, rowSchemas, type VaultRows } from './records.ts'
import type { Seal } from './seal.ts'
import type {
  AcceptedOffer,
  HeldCredential,
  HolderCopy,
  HolderKeys,
  Issuance,
  Vault,
} from './vault.ts'

type Table = keyof VaultRows
type Row<T extends Table> = VaultRows[T]
type Found<T extends Table> = { readonly id: string; readonly row: Row<T> }

const FORMAT = 1
/** A second process is told at once that the vault is in use. */
const BUSY_TIMEOUT_MS = 1000

/**
 * A vault in one SQLite file. Nothing is in the clear but the number of rows and random row identifiers: each row is
 * one sealed text, bound to its table and identifier. The exclusive lock is the operating system's, so that it goes
 * with the process, however that ends.
 * @throws WalletError `vault_in_use`, `vault_damaged`
 */
export function openVault(
  path: string,
  { seal, keys, random }: { seal: Seal; keys: HolderKeys; random: Random },
): Vault {
  const db = openStock(path, seal)
  const context = (table: Table, id: string) => `${table}|${id}`
  const open = <T extends Table>(table: T, id: string, sealed: Uint8Array): Row<T> => {
    const text = Buffer.from(seal.open(sealed, context(table, id))).toString()
    const parsed = rowSchemas[table].safeParse(JSON.parse(text))
    if (parsed.success) return parsed.data
    throw new WalletError('vault_damaged', 'a row of the vault was written by another version')
  }
  const put = <T extends Table>(table: T, id: string, row: Row<T>): void => {
    const sealed = seal.seal(Buffer.from(JSON.stringify(row)), context(table, id))
    db.prepare(
      `INSERT INTO ${table} (id, sealed) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed`,
    ).run(id, sealed)
  }
  const all = <T extends Table>(table: T): Found<T>[] =>
    (
      db.prepare(`SELECT id, sealed FROM ${table} ORDER BY place`).all() as {
        id: string
        sealed: Buffer
      }[]
    ).map(({ id, sealed }) => ({ id, row: open(table, id, sealed) }))
  const find = <T extends Table>(table: T, id: string): Row<T> | undefined => {
    const found = db.prepare(`SELECT sealed FROM ${table} WHERE id = ?`).get(id) as
      | { sealed: Buffer }
      | undefined
    return found && open(table, id, found.sealed)
  }
  const remove = (table: Table, id: string): void => {
    db.prepare(`DELETE FROM ${table} WHERE id = ?`).run(id)
  }
  const newId = (): string => newIdentifier(random, 6)
  const write = (entry: JournalEntry): string => {
    const id = newId()
    put('journal', id, entry)
    return id
  }
  const atomically = async <T>(work: () => T): Promise<T> => {
    try {
      return db.transaction(work).immediate()
    } catch (cause) {
      throw asWalletError(cause)
    }
  }

  const asIssuance = ({ id, row }: Found<'issuance'>): Issuance => ({
    ...row,
    id,
    dpopKey: keys.open(row.dpopKey),
    holderKeys: row.holderKeys.map((pkcs8) => keys.open(pkcs8)),
  })
  const requireIssuance = (id: string): IssuanceRecord => {
    const row = find('issuance', id)
    if (!row) throw new WalletError('not_found', 'there is no such issuance in this vault')
    return row
  }
  const heldCredentials = (): HeldCredential[] => {
    const copies = all('copy')
    return all('credential').map(({ id, row }) => ({
      ...row,
      id,
      copies: copies.filter((copy) => copy.row.credentialId === id).map(asCopyState),
    }))
  }

  return {
    trust: async () => find('trust', 'list'),
    keepTrust: (source) => atomically(() => put('trust', 'list', source)),

    beginIssuance: (offer, copies, now) =>
      atomically(() => {
        const begun = all('issuance').find(({ row }) => isSameOffer(row, offer))
        if (begun) return asIssuance(begun)
        const row: IssuanceRecord = {
          ...offer,
          startedAt: now,
          dpopKey: keys.generate().pkcs8,
          holderKeys: Array.from({ length: copies }, () => keys.generate().pkcs8),
        }
        const id = newId()
        put('issuance', id, row)
        return asIssuance({ id, row })
      }),
    issuances: async () => all('issuance').map(asIssuance),
    keepAccessToken: (id, accessToken) =>
      atomically(() => put('issuance', id, { ...requireIssuance(id), accessToken })),
    completeIssuance: (id, received, now) =>
      atomically(() => {
        const issuance = requireIssuance(id)
        const { copies, ...credential } = received
        const credentialId = newId()
        put('credential', credentialId, { ...credential, receivedAt: now })
        for (const { compact, holderKey } of copies) {
          put('copy', newId(), {
            credentialId,
            compact,
            holderKey: privateKeyOf(holderKey, issuance, keys),
          })
        }
        remove('issuance', id)
        const { issuer, issuerName, vct } = received
        write({
          type: 'credential.received',
          at: now,
          issuer,
          issuerName,
          vct,
          copies: copies.length,
        })
        return heldCredentials().find((held) => held.id === credentialId) as HeldCredential
      }),
    abandonIssuance: (id, reason, now) =>
      atomically(() => {
        const { issuer, issuerName, vct } = requireIssuance(id)
        remove('issuance', id)
        write({ type: 'credential.not_received', at: now, issuer, issuerName, vct, reason })
      }),

    credentials: async () => heldCredentials(),
    forget: (credentialId, now) =>
      atomically(() => {
        const credential = find('credential', credentialId)
        if (!credential) return false
        for (const { id, row } of all('copy')) {
          if (row.credentialId === credentialId) remove('copy', id)
        }
        remove('credential', credentialId)
        const { issuer, issuerName, vct } = credential
        write({ type: 'credential.forgotten', at: now, issuer, issuerName, vct })
        return true
      }),

    beginPresentation: (intended, now) =>
      atomically(() => {
        const copies: HolderCopy[] = []
        const stock = all('copy')
        const held = heldCredentials()
        for (const { credentialId } of intended.credentials) {
          const chosen = chooseCopy(stock, credentialId, intended.verifier)
          if (!chosen) return { taken: false, credentialId } as const
          const { id, row } = chosen
          copies.push({
            copyId: id,
            credentialId,
            compact: row.compact,
            holder: keys.open(row.holderKey),
          })
        }
        for (const { copyId } of copies) {
          const copy = stock.find(({ id }) => id === copyId) as Found<'copy'>
          put('copy', copyId, {
            ...copy.row,
            verifier: intended.verifier,
            verifierName: intended.verifierName,
            shownAt: copy.row.shownAt ?? now,
          })
        }
        const presentationId = write({
          type: 'presentation',
          at: now,
          ...party(intended),
          credentials: intended.credentials.map(({ credentialId, claims }) => {
            const { vct, issuer } = held.find(({ id }) => id === credentialId) as HeldCredential
            return { vct, issuer, claims: [...claims] }
          }),
          outcome: 'intended',
        })
        return { taken: true, presentationId, copies } as const
      }),
    endPresentation: (id, outcome, now) =>
      atomically(() => {
        const entry = find('journal', id)
        if (entry?.type === 'presentation') put('journal', id, { ...entry, outcome, endedAt: now })
      }),
    recordRefusal: (refused, now) =>
      atomically(() => {
        write({ type: 'presentation.refused', at: now, ...party(refused) })
      }),

    journal: async () => all('journal').map(({ row }) => row),
    eraseJournal: () =>
      atomically(() => {
        db.exec('DELETE FROM journal')
      }),

    sealedStock: async () => db.serialize(),
    retireFreshCopies: () =>
      atomically(() => {
        for (const { id, row } of all('copy')) {
          if (isFree(row)) put('copy', id, { ...row, retired: true })
        }
      }),

    close: async () => {
      db.close()
    },
  }
}

function party({ verifier, verifierName, purpose }: PresentationParty): PresentationParty {
  return { verifier, verifierName, ...(purpose === undefined ? {} : { purpose }) }
}

function isSameOffer(row: IssuanceRecord, offer: AcceptedOffer): boolean {
  return row.issuer === offer.issuer && row.preAuthorizedCode === offer.preAuthorizedCode
}

function asCopyState({ id, row }: Found<'copy'>): HeldCredential['copies'][number] {
  return {
    id,
    compact: row.compact,
    ...(row.verifier === undefined ? {} : { verifier: row.verifier }),
    ...(row.verifierName === undefined ? {} : { verifierName: row.verifierName }),
    ...(row.shownAt === undefined ? {} : { shownAt: row.shownAt }),
    ...(row.retired === undefined ? {} : { retired: row.retired }),
  }
}

/** The copy that this verifier has seen, or else one that nobody has. */
function chooseCopy(
  stock: readonly Found<'copy'>[],
  credentialId: string,
  verifier: string,
): { id: string; row: CopyRecord } | undefined {
  const copies = stock.filter(({ row }) => row.credentialId === credentialId)
  return (
    copies.find(({ row }) => row.verifier === verifier) ?? copies.find(({ row }) => isFree(row))
  )
}

function privateKeyOf(publicJwk: EcPublicJwk, issuance: IssuanceRecord, keys: HolderKeys): string {
  const found = issuance.holderKeys.find((pkcs8) => {
    const { x, y } = keys.open(pkcs8).publicJwk
    return x === publicJwk.x && y === publicJwk.y
  })
  if (!found)
    throw new WalletError('credential_invalid', 'a copy is bound to a key that is not ours')
  return found
}

function openStock(path: string, seal: Seal): Database {
  if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600))
  const db = openSqlite(path, BUSY_TIMEOUT_MS)
  try {
    if (path !== ':memory:') chmodSync(path, 0o600)
    db.pragma('locking_mode = EXCLUSIVE')
    db.pragma('journal_mode = DELETE')
    db.pragma('synchronous = FULL')
    db.pragma('secure_delete = ON')
    db.pragma('trusted_schema = OFF')
    db.exec('BEGIN EXCLUSIVE; COMMIT') // takes the lock, which this locking mode then keeps
    db.transaction(() => prepareSchema(db, seal)).immediate()
    return db
  } catch (cause) {
    db.close()
    throw asWalletError(cause)
  }
}

function prepareSchema(db: Database, seal: Seal): void {
  const format = db.pragma('user_version', { simple: true }) as number
  if (format > FORMAT) {
    throw new WalletError('vault_damaged', 'the vault was written by a newer carnet-wallet')
  }
  if (format === 0) {
    db.exec(`CREATE TABLE vault_key (key_id TEXT PRIMARY KEY) STRICT`)
    for (const table of Object.keys(rowSchemas)) {
      db.exec(`CREATE TABLE ${table} (place INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE, sealed BLOB NOT NULL) STRICT`)
    }
    db.prepare('INSERT INTO vault_key (key_id) VALUES (?)').run(seal.keyId)
    db.pragma(`user_version = ${FORMAT}`)
  }
  const key = db.prepare('SELECT key_id FROM vault_key').get() as { key_id: string } | undefined
  if (key?.key_id !== seal.keyId) {
    throw new WalletError('vault_damaged', 'the key file belongs to another vault', {
      hint: 'key.age and vault.sqlite must come from the same folder',
    })
  }
}

function asWalletError(cause: unknown): unknown {
  const code = (cause as { code?: unknown }).code
  if (typeof code !== 'string') return cause
  if (code.startsWith('SQLITE_BUSY')) {
    return new WalletError('vault_in_use', 'another carnet-wallet has this vault open', {
      cause,
      hint: 'wait for it to end',
    })
  }
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new WalletError('vault_damaged', 'the vault file is damaged', {
      cause,
      hint: 'restore the vault from a backup',
    })
  }
  if (/^SQLITE_(FULL|READONLY|IOERR|CANTOPEN)/.test(code)) {
    return new WalletError('file_unusable', 'the vault cannot be written; nothing was changed', {
      cause,
      hint: 'is there space on the disk, and may this user write there?',
    })
  }
  return cause
}
