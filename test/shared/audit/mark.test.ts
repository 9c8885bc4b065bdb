import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { auditLogMigrations, openAuditLog } from '../../../shared/audit/log.sqlite.ts'
import { type AuditLog, LogMismatch } from '../../../shared/audit/log.ts'
import { openMarkFile } from '../../../shared/audit/mark.file.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { type Database, openDatabase } from '../../../shared/store/database.sqlite.ts'

describe('a log with a mark apart from its database', () => {
  const { signer } = generateEd25519Key()
  let folder: string
  const opened: Database[] = []
  const open = (file: string): AuditLog => {
    const db = openDatabase(join(folder, file), { audit: auditLogMigrations })
    opened.push(db)
    const mark = openMarkFile(join(folder, 'mark'))
    return openAuditLog(db, { origin: 'issuer.example/log', signer, mark })
  }
  const append = (log: AuditLog, n: number) => log.append({ type: 'test.entry', at: n })

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'carnet-mark-'))
  })
  afterEach(() => {
    for (const db of opened.splice(0)) db.close()
    rmSync(folder, { recursive: true })
  })

  it('goes on from its mark', async () => {
    const log = open('a.db')
    await append(log, 1)
    await log.publish(1)
    await append(log, 2)
    expect(parseCheckpoint(await open('a.db').publish(2)).size).to.equal(2)
    expect(await openMarkFile(join(folder, 'mark')).read()).to.equal(await log.checkpoint())
  })

  it('signs nothing in a database restored from an old backup', async () => {
    const log = open('a.db')
    await append(log, 1)
    await log.publish(1)
    opened[0]?.pragma('wal_checkpoint(TRUNCATE)')
    copyFileSync(join(folder, 'a.db'), join(folder, 'backup.db'))
    await append(log, 2)
    await log.publish(2)
    const restored = open('backup.db')
    await refuses(restored)
    // Another entry of the same number does not make it the log that was signed.
    await append(restored, 3)
    await refuses(restored)
  })

  it('signs nothing in an empty database beside the mark of another', async () => {
    const log = open('a.db')
    await append(log, 1)
    await log.publish(1)
    await refuses(open('new.db'))
  })

  it('adopts a mark that was written just before a crash', async () => {
    const log = open('a.db')
    await append(log, 1)
    const before = openMarkFile(join(folder, 'mark'))
    const crash = openAuditLog(opened[0] as Database, {
      origin: 'issuer.example/log',
      signer,
      mark: {
        read: before.read,
        write: async (checkpoint) => {
          await before.write(checkpoint)
          throw new Error('power lost')
        },
      },
    })
    expect(await crash.publish(1).catch((error) => error.message)).to.equal('power lost')
    await append(log, 2)
    expect(parseCheckpoint(await log.publish(2)).size).to.equal(2)
  })

  it('signs nothing over tiles that were altered', async () => {
    const log = open('a.db')
    await append(log, 1)
    await append(log, 2)
    await log.publish(1)
    opened[0]?.exec('UPDATE audit_tile SET hashes = zeroblob(64)')
    await append(log, 3)
    await refuses(log)
    expect(await log.check()).not.to.deep.equal([])
  })

  it('signs nothing after an entry was lost', async () => {
    const log = open('a.db')
    await append(log, 1)
    await append(log, 2)
    opened[0]?.exec('DROP TRIGGER audit_entry_is_kept; DELETE FROM audit_entry WHERE idx = 0')
    await refuses(log)
  })

  it('refuses to alter or delete an entry, and to alter a checkpoint', async () => {
    const log = open('a.db')
    await append(log, 1)
    await log.publish(1)
    for (const sql of [
      "UPDATE audit_entry SET entry = x'00'",
      'DELETE FROM audit_entry',
      'UPDATE audit_checkpoint SET size = 7',
    ]) {
      expect(() => opened[0]?.exec(sql), sql).to.throw()
    }
  })
})

async function refuses(log: AuditLog): Promise<void> {
  expect(await log.publish(9).catch((error) => error)).to.be.instanceOf(LogMismatch)
}
