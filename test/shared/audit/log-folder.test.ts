import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { auditLogMigrations, openAuditLog } from '../../../shared/audit/log.sqlite.ts'
import type { AuditLog } from '../../../shared/audit/log.ts'
import { openLogFolder } from '../../../shared/audit/log-folder.file.ts'
import {
  checkLogFolder,
  exportLog,
  type LogFolder,
  pruneLog,
} from '../../../shared/audit/log-folder.ts'
import { type NoteVerifier, parseVkey } from '../../../shared/audit/note.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { type Database, openDatabase } from '../../../shared/store/database.sqlite.ts'
import { readNewEntries } from '../../../verifier/audit/read-log.ts'
import { openPublicSource } from '../../../verifier/audit/source.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('a copy of a log in a folder (C2SP tlog-tiles)', () => {
  let temporary: ReturnType<typeof temporaryFolder>
  let db: Database
  let log: AuditLog
  let verifier: NoteVerifier
  let folder: LogFolder
  let appended = 0
  const { signer } = generateEd25519Key()
  const growTo = async (size: number): Promise<number> => {
    for (; appended < size; appended++) await log.append({ type: 'test.entry', at: appended })
    await log.publish(size)
    return exportLog(log, folder, verifier)
  }

  beforeEach(() => {
    appended = 0
    temporary = temporaryFolder()
    db = openDatabase(':memory:', { audit: auditLogMigrations })
    log = openAuditLog(db, { origin: 'a/log', signer })
    verifier = parseVkey(log.vkey)
    folder = openLogFolder(join(temporary.path, 'log'))
  })
  afterEach(() => {
    db.close()
    temporary.remove()
  })

  it('writes full tiles once, and the checkpoint last', async () => {
    expect(await growTo(600)).to.equal(8)
    const written: string[] = []
    const watched: LogFolder = {
      ...folder,
      write: (path, bytes) => {
        written.push(path)
        return folder.write(path, bytes)
      },
    }
    await log.append({ type: 'test.entry', at: appended++ })
    await log.publish(601)
    expect(await exportLog(log, watched, verifier)).to.equal(4)
    expect(written).to.deep.equal([
      'tile/0/002.p/89',
      'tile/entries/002.p/89',
      'tile/1/000.p/2',
      'checkpoint',
    ])
    expect(await checkLogFolder(folder, verifier)).to.deep.equal([])
  })

  it('lets a web server of another user read it', async () => {
    const umask = process.umask(0o077)
    try {
      await growTo(1)
    } finally {
      process.umask(umask)
    }
    const mode = (path: string) => statSync(join(temporary.path, 'log', path)).mode & 0o777
    expect(['.', 'tile', 'tile/0'].map(mode)).to.deep.equal([0o755, 0o755, 0o755])
    expect(['checkpoint', 'tile/0/000.p/1'].map(mode)).to.deep.equal([0o644, 0o644])
  })

  it('removes a partial tile once the full one is there, and no other', async () => {
    for (const size of [5, 200, 256, 300, 511]) await growTo(size)
    expect(await pruneLog(folder)).to.deep.equal([
      'tile/0/000.p/200',
      'tile/0/000.p/5',
      'tile/entries/000.p/200',
      'tile/entries/000.p/5',
    ])
    // Partial tiles of published sizes stay while there is no full one, also those of sizes gone by.
    const partial = (await folder.paths()).filter((path) => path.includes('.p/'))
    expect(partial).to.deep.equal([
      'tile/0/001.p/255',
      'tile/0/001.p/44',
      'tile/1/000.p/1',
      'tile/entries/001.p/255',
      'tile/entries/001.p/44',
    ])
    expect(await checkLogFolder(folder, verifier)).to.deep.equal([])
    expect(await pruneLog(folder)).to.deep.equal([])
  })

  it('is still read by an auditor who knew a size whose partial tiles are gone', async () => {
    await growTo(200)
    const source = openPublicSource('https://issuer.example', async (input) => {
      const path = new URL(String(input)).pathname.slice('/log/'.length)
      const bytes = await folder.read(path)
      return bytes === undefined
        ? new Response(undefined, { status: 404 })
        : new Response(new Uint8Array(bytes))
    })
    const before = await readNewEntries(source, verifier, undefined)
    await growTo(700)
    await pruneLog(folder)
    const { known, entries } = await readNewEntries(source, verifier, before.known)
    expect([known.checkpoint.size, entries.length]).to.deep.equal([700, 500])
  })

  it('names what is missing, damaged, foreign or not signed', async () => {
    await growTo(300)
    await folder.write('tile/0/001.p/7', Buffer.alloc(7 * 32))
    await folder.write('readme', Buffer.from('x'))
    expect(await checkLogFolder(folder, verifier)).to.deep.equal([
      'readme is no file of a log',
      'tile/0/001.p/7 is not of this log',
    ])
    expect(await pruneLog(folder), 'nothing that is not of this log').to.deep.equal([])
    await folder.write('tile/0/000', Buffer.alloc(8192))
    await folder.remove('tile/1/000.p/1')
    expect(await checkLogFolder(folder, verifier)).to.include.members([
      'tile/0/000 is damaged',
      'tile/1/000.p/1 is missing',
    ])
    const bundle = (await folder.read('tile/entries/000')) ?? Buffer.alloc(0)
    await folder.write('tile/entries/000', Buffer.from(bundle).fill('y', 40, 41))
    expect(await checkLogFolder(folder, verifier)).to.include(
      'the entries do not hash to the checkpoint',
    )
    await folder.write('tile/entries/000', bundle.subarray(1))
    expect(await checkLogFolder(folder, verifier)).to.include('tile/entries/000 is damaged')
    await folder.remove('tile/entries/000')
    expect(await checkLogFolder(folder, verifier)).to.include('tile/entries/000 is missing')
    const stranger = parseVkey(
      openAuditLog(db, { origin: 'a/log', signer: generateEd25519Key().signer }).vkey,
    )
    expect((await checkLogFolder(folder, stranger))[0]).to.match(/^checkpoint: /)
    await folder.remove('checkpoint')
    expect(await checkLogFolder(folder, verifier)).to.deep.equal(['checkpoint is missing'])
  })

  it('refuses to go back when the database is older than the copy', async () => {
    await growTo(10)
    const old = openDatabase(':memory:', { audit: auditLogMigrations })
    const restored = openAuditLog(old, { origin: 'a/log', signer })
    await restored.append({ type: 'test.entry', at: 0 })
    await restored.publish(1)
    const outcome = await exportLog(restored, folder, verifier).catch((error: unknown) => error)
    old.close()
    expect(outcome).to.have.property('code', 'checkpoint_older')
  })
})
