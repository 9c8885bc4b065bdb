import { expect } from 'chai'
import { parseCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { auditLogMigrations, openAuditLog } from '../../../shared/audit/log.sqlite.ts'
import { hashLeaf } from '../../../shared/audit/merkle.ts'
import { logFiles } from '../../../shared/audit/static-files.ts'
import { parseEntryBundle } from '../../../shared/audit/tile.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { openDatabase } from '../../../shared/store/database.sqlite.ts'
import { rootOf } from '../../support/root-of.ts'

describe('logFiles', () => {
  it('gives every file that a log of 300 entries has, the checkpoint last (C2SP tlog-tiles)', async () => {
    const db = openDatabase(':memory:', { audit: auditLogMigrations })
    const log = openAuditLog(db, { origin: 'a/log', signer: generateEd25519Key().signer })
    for (let n = 0; n < 300; n++) await log.append({ type: 'test.entry', at: n })
    expect(await paths(log)).to.deep.equal([])
    await log.publish(1)
    expect(await paths(log)).to.deep.equal([
      'tile/0/000',
      'tile/entries/000',
      'tile/0/001.p/44',
      'tile/entries/001.p/44',
      'tile/1/000.p/1',
      'checkpoint',
    ])
    const files = new Map<string, Buffer>()
    for await (const { path, bytes } of logFiles(log)) files.set(path, bytes)
    const entries = [
      ...parseEntryBundle(files.get('tile/entries/000') ?? Buffer.alloc(0), 256),
      ...parseEntryBundle(files.get('tile/entries/001.p/44') ?? Buffer.alloc(0), 44),
    ]
    const { root } = parseCheckpoint(files.get('checkpoint')?.toString() ?? '')
    expect(rootOf(entries.map((entry) => hashLeaf(entry)))).to.deep.equal(root)
    db.close()
  })
})

async function paths(log: Parameters<typeof logFiles>[0]): Promise<string[]> {
  const found: string[] = []
  for await (const { path } of logFiles(log)) found.push(path)
  return found
}
