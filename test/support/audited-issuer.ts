import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import { type Cadence, type Publisher, publishStatusLists } from '../../issuer/status/publish.ts'
import type { CredentialStatus, ListPool, StatusStore } from '../../issuer/status/status.ts'
import { statusEndpoints } from '../../issuer/status/status-list.http.ts'
import {
  allocateIndexes,
  changeStatus,
  openStatusStore,
  statusMigrations,
} from '../../issuer/status/store.sqlite.ts'
import { signCheckpoint } from '../../shared/audit/checkpoint.ts'
import { logEndpoints } from '../../shared/audit/log.http.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { type NoteVerifier, parseVkey } from '../../shared/audit/note.ts'
import { trustListPublished } from '../../shared/audit/trust-leaf.ts'
import { routerOf } from '../../shared/http/endpoint.http.ts'
import { generateEd25519Key, generateEs256Key } from '../../shared/key/signer.software.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { systemRandom } from '../../shared/random.ts'
import { signStatusListCwt, verifyStatusListCwt } from '../../shared/status-list/cwt.ts'
import { signStatusListToken, verifyStatusListToken } from '../../shared/status-list/token.ts'
import { type Database, immediate, openDatabase } from '../../shared/store/database.sqlite.ts'
import { signTrustList } from '../../shared/trust/trust-list.ts'
import { webhookMigrations } from '../../shared/webhook/store.sqlite.ts'
import { openPublicSource, type PublicSource } from '../../verifier/audit/source.ts'
import { NOW, type TestAuthority, testAuthority } from './pki.ts'

/** An issuer that serves real tokens, a real log and a real trust list over HTTP, under a clock set by hand. */
export interface AuditedIssuer {
  readonly url: string
  readonly vkey: NoteVerifier
  readonly db: Database
  readonly publisher: Publisher
  readonly authority: TestAuthority
  /** The key and chain of its lists. */
  readonly signing: { readonly signer: Es256Signer; readonly x5c: readonly string[] }
  readonly source: PublicSource
  now: number
  /** Comes before every endpoint: what a wrong server would do. */
  wrong: RequestHandler | undefined
  allocate(copies: number): StatusReference[]
  change(reference: StatusReference | undefined, to: CredentialStatus): void
  publish(): Promise<void>
  /** Publishes what another store says. */
  publishWith(store: StatusStore): Promise<void>
  /** Signs any tree under the log's key, as its owner could. */
  signCheckpoint(head: { readonly size: number; readonly root: Buffer }): Promise<string>
  close(): Promise<void>
}

import type { StatusReference } from '../../shared/status-list/reference.ts'

export async function openAuditedIssuer({
  pool = { name: 'standard', size: 4096, lanes: 2 },
  cadence = { intervalSeconds: 300, validitySeconds: 3600 },
  validDays = 90,
  authority: given,
}: {
  readonly pool?: ListPool
  readonly cadence?: Cadence
  /** How long the certificate of the lists is valid. */
  readonly validDays?: number
  /** An authority that certifies other issuers too. */
  readonly authority?: TestAuthority
} = {}): Promise<AuditedIssuer> {
  const db = openDatabase(':memory:', {
    audit: auditLogMigrations,
    webhook: webhookMigrations,
    status: statusMigrations,
  })
  const authority = given ?? (await testAuthority('attestation'))
  const { signer, x5c } = await authority.leaf({ notAfter: NOW + validDays * 86_400 })
  const app = express()
  const server: Server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { signer: logSigner } = generateEd25519Key()
  const log = openAuditLog(db, {
    origin: `${new URL(url).host}/log`,
    signer: logSigner,
  })
  const store = openStatusStore(db, { baseUrl: url, random: systemRandom })
  const trustListSigner = generateEs256Key().signer
  const trustList = await signTrustList(
    {
      sequence: 1,
      operator: 'Carnet test',
      territory: 'UT',
      issuedAt: NOW - 1000,
      nextUpdate: NOW + 86_400 * 90,
      entities: [
        {
          name: 'Issuer',
          services: [
            {
              role: 'attestation',
              name: 'Identity',
              status: 'granted',
              from: NOW - 1000,
              certificates: [Buffer.from(authority.certificate).toString('base64')],
            },
          ],
        },
      ],
    },
    trustListSigner,
  )
  await log.append(trustListPublished(trustList, trustListSigner.publicJwk, NOW - 1000))
  const publisher: Publisher = {
    store,
    log,
    cadence,
    signCwt: (claims) => signStatusListCwt({ ...claims, signer, x5c }),
    verifyCwt: async (token, expectedUri, now) =>
      verifyStatusListCwt(token, { expectedUri, anchors: authority.anchors, now }).list,
    signToken: (claims) => signStatusListToken({ ...claims, signer, x5c }),
    verifyToken: async (token, expectedUri, now) =>
      verifyStatusListToken(token, { expectedUri, anchors: authority.anchors, now }).list,
  }
  const issuer: AuditedIssuer = {
    url,
    vkey: parseVkey(log.vkey),
    db,
    publisher,
    authority,
    signing: { signer, x5c },
    source: openPublicSource(url, (input, init) => fetch(input, init)),
    now: NOW,
    wrong: undefined,
    allocate: (copies) =>
      immediate(db, () =>
        allocateIndexes(db, { copies, credentialExpires: NOW + 86_400 * 30, now: issuer.now }),
      ),
    change: (reference, to) => {
      immediate(db, () =>
        changeStatus(db, {
          reference: reference as StatusReference,
          to,
          reasonClass: 'holder_request',
          actor: 'operator-1',
          requestedAt: issuer.now,
          subjectKey: Buffer.alloc(32, 5),
          now: issuer.now,
        }),
      )
    },
    publish: async () => {
      await publishStatusLists(publisher, issuer.now)
    },
    publishWith: async (other) => {
      await publishStatusLists({ ...publisher, store: other }, issuer.now)
    },
    signCheckpoint: (head) => signCheckpoint({ origin: log.origin, ...head }, logSigner),
    close: () => {
      db.close()
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  app.use((request, response, next) => {
    if (issuer.wrong === undefined) return next()
    return issuer.wrong(request, response, next)
  })
  app.get('/trust-list', (_request, response) => {
    response.type('application/jwt').send(trustList)
  })
  app.use(routerOf(logEndpoints(log)))
  app.use(routerOf(statusEndpoints(store, () => issuer.now)))
  await store.keepOpen(pool, NOW)
  await issuer.publish()
  return issuer
}
