import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as onPostgres from '../../issuer/storage.postgres.ts'
import * as onSqlite from '../../issuer/storage.sqlite.ts'
import { systemClock } from '../../shared/clock.ts'
import { listen } from '../../shared/http/server.http.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { parseSdJwt } from '../../shared/sd-jwt/parse.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import * as sqlite from '../../shared/store/database.sqlite.ts'
import { testIdentity } from '../support/issuer.ts'
import {
  beginSession,
  codeOf,
  newKeys,
  type Reply,
  testWallet,
  tokenFor,
} from '../support/issuer-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Kills the issuer with SIGKILL between every two steps, starts it again, and goes on as a person would. */
export function killedAtEveryStep(
  engine: string,
  databaseIn: (folder: string) => Promise<string>,
): void {
  describe(`an issuer that is killed at every step, on ${engine}`, () => {
    const folder = temporaryFolder()
    let database: string
    const identityFile = join(folder.path, 'identity.json')
    let child: ChildProcess | undefined

    const start = async (moment = ''): Promise<void> => {
      const script = join(packageRoot, 'test/support/issuer-process.ts')
      child = spawn(process.execPath, ['--import', 'tsx', script, database, identityFile, moment], {
        stdio: ['ignore', 'pipe', 'ignore'],
        cwd: packageRoot,
      })
      await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')
    }
    /** The request that kills the process gets no answer. */
    const died = async (request: Promise<Reply>): Promise<void> => {
      const running = child as ChildProcess
      const exit = once(running, 'exit')
      expect(await request.catch(() => 'no answer')).to.equal('no answer')
      await exit
      expect(running.signalCode).to.equal('SIGKILL')
    }
    const stop = async (): Promise<void> => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    }
    /** What must hold whatever happened. */
    const checkInvariants = async (): Promise<void> => {
      const { all, close } = await openToLook(database)
      const count = async (sql: string): Promise<number> =>
        (await all<{ count: number }>(sql))[0]?.count ?? -1
      try {
        const entries = await all<{ entry: Buffer }>('SELECT entry FROM audit_entry ORDER BY idx')
        const types = entries.map(({ entry }) => JSON.parse(entry.toString()).type as string)
        const of = (type: string): number => types.filter((each) => each === type).length
        expect(of('approval.redeemed')).to.equal(
          await count('SELECT count(*) AS count FROM issuance'),
        )
        expect(of('decision.made')).to.equal(
          await count("SELECT count(*) AS count FROM session WHERE state <> 'collecting'"),
        )
        const issuances = await all<{ statuses: string }>('SELECT statuses FROM issuance')
        const references = issuances.flatMap(
          ({ statuses }) => JSON.parse(statuses) as { uri: string; idx: number }[],
        )
        const places = references.map(({ uri, idx }) => `${uri} ${idx}`)
        expect(new Set(places).size).to.equal(places.length)
      } finally {
        await close()
      }
    }

    after(async () => {
      await stop()
      folder.remove()
    })

    it('loses nothing and issues nothing twice', async () => {
      database = await databaseIn(folder.path)
      const probe = await listen({ host: '127.0.0.1', port: 0 })
      const { url } = probe
      await probe.close()
      const identity = await testIdentity(Number(new URL(url).port), systemClock())
      writeFileSync(identityFile, JSON.stringify(identity))

      await start('before the decision')
      const worker = await beginSession(url)
      await worker.upload('document')
      await worker.upload('selfie')
      await died(worker.submit())

      // Images live in memory alone, so they are sent again.
      await start('after the decision')
      expect((await worker.submit()).body.code).to.equal('upload_missing')
      await worker.upload('document')
      await worker.upload('selfie')
      await died(worker.submit())

      await start('after the offer')
      expect((await worker.submit()).body.state).to.equal('approved')
      await died(worker.offer('offer-of-the-killed'))

      await start('after the code is consumed')
      // Nobody was told the offer that was recorded; whoever asks again with the same key is.
      const spent = codeOf(await worker.offer('offer-of-the-killed'))
      const wallet = testWallet(url)
      await died(wallet.redeem(spent.code, spent.txCode))

      await start('before the intent')
      expect((await wallet.redeem(spent.code, spent.txCode)).body.error).to.equal('invalid_grant')
      const token = await tokenFor(worker, wallet)
      const keys = newKeys(2)
      await died(wallet.credential(token, keys))

      for (const moment of ['before signing', 'before it is done', 'after it is done']) {
        await start(moment)
        await wallet.cNonce() // nonces of the process before are not taken any more
        await died(wallet.credential(token, keys))
        await checkInvariants()
      }

      await start()
      await wallet.cNonce()
      const first = await wallet.credential(token, keys)
      expect(first.body.credentials, JSON.stringify(first.body)).to.have.length(2)
      const again = await wallet.credential(token, keys)
      expect(disclosuresOf(again)).to.deep.equal(disclosuresOf(first))
      expect((await wallet.credential(token, newKeys(2))).body.error).to.equal(
        'credential_request_denied',
      )
      expect((await worker.offer()).body.code).to.equal('approval_redeemed')
      await stop()
      await checkInvariants()
    }).timeout(90_000)

    function disclosuresOf({ body }: Reply): string[][] {
      return body.credentials.map(({ credential }: { credential: string }) => [
        ...parseSdJwt(credential).disclosures,
      ])
    }
  })
}

/** What lies in a database, whichever engine keeps it. */
async function openToLook(database: string): Promise<{
  all: <Row extends object>(sql: string) => Promise<Row[]>
  close: () => Promise<void>
}> {
  if (database.startsWith('postgres://'))
    return postgres.openDatabase(database, onPostgres.issuerSchema)
  const db = sqlite.openDatabase(database, onSqlite.issuerSchema)
  expect(db.pragma('integrity_check', { simple: true })).to.equal('ok')
  return {
    all: async <Row extends object>(sql: string) => db.prepare(sql).all() as Row[],
    close: async () => {
      db.close()
    },
  }
}
