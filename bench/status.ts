/**
 * What status lists and their log cost beside the calls of node:crypto and zlib that they cannot avoid and beside the
 * libraries, in one process: `node --import tsx bench/status.ts [entries] [rounds]`.
 */
import { hash } from 'node:crypto'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constants, deflateSync, gzipSync } from 'node:zlib'
import { StatusList as LibraryStatusList } from '@sd-jwt/jwt-status-list'
import express from 'express'
import { MerkleTree } from 'merkletreejs'
import { publishStatusLists } from '../issuer/status/publish.ts'
import { statusEndpoints } from '../issuer/status/status-list.http.ts'
import {
  allocateIndexes,
  openStatusStore,
  statusMigrations,
} from '../issuer/status/store.sqlite.ts'
import { checkChunkProof, chunkRoot, proveStatus } from '../shared/audit/chunk-proof.ts'
import { auditLogMigrations, openAuditLog } from '../shared/audit/log.sqlite.ts'
import {
  appendLeafHash,
  compactRoot,
  emptyCompactRange,
  hashLeaf,
  inclusionRanges,
  isIncluded,
  rangeHash,
  type SubtreeHash,
} from '../shared/audit/merkle.ts'
import { encodeBase64url } from '../shared/base64url.ts'
import { routerOf } from '../shared/http/endpoint.http.ts'
import { parseJwt } from '../shared/jose/jws.ts'
import { generateEd25519Key, generateEs256Key } from '../shared/key/signer.software.ts'
import { systemRandom } from '../shared/random.ts'
import { statusListBytes, writeStatus } from '../shared/status-list/bits.ts'
import { deflateStatusList } from '../shared/status-list/compress.ts'
import { readStatusListClaims, signStatusListToken } from '../shared/status-list/token.ts'
import { openDatabase } from '../shared/store/database.sqlite.ts'
import { webhookMigrations } from '../shared/webhook/store.sqlite.ts'
import { type BenchCase, type BenchRow, compare, renderRows } from './ratio.ts'

const entries = Number(process.argv[2] ?? 1_000_000)
const rounds = Number(process.argv[3] ?? 7)
const bits = 2
const uri = 'https://issuer.example/status/bench'
const now = Math.floor(Date.now() / 1000)

/** One in a hundred revoked, at places that repeat from run to run. */
const list = statusListBytes(entries, bits)
for (let n = 0, seed = 1; n < entries / 100; n++) {
  // Numerical Recipes' generator: spread like random indexes, the same in every run.
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  writeStatus(list, { bits, idx: Math.floor((seed / 2 ** 32) * entries), status: 1 })
}
const numbers = Array.from(
  { length: entries },
  (_, idx) => ((list[idx >> 2] ?? 0) >> ((idx & 3) * 2)) & 3,
)
const { signer } = generateEs256Key()
const claims = { uri, bits: 2 as const, iat: now, exp: now + 3600, ttl: 300, signer, x5c: [] }

async function report(
  title: string,
  iterations: number,
  cases: readonly BenchCase[],
): Promise<readonly BenchRow[]> {
  const rows = await compare(cases, { iterations, rounds })
  console.log(`\n${title}\n\n${renderRows(rows)}`)
  return rows
}

function times(work: (n: number) => unknown): (iterations: number) => void {
  return (iterations) => {
    for (let n = 0; n < iterations; n++) work(n)
  }
}

await report(`Encode ${entries} entries of two bits, 1 % revoked`, 3, [
  {
    name: 'floor: zlib, runs only, and base64url',
    run: times(() =>
      encodeBase64url(deflateSync(list, { level: 9, strategy: constants.Z_RLE, memLevel: 9 })),
    ),
  },
  { name: 'carnet', run: times(() => encodeBase64url(deflateStatusList(list))) },
  {
    name: 'zlib level 9',
    run: times(() => encodeBase64url(deflateSync(list, { level: 9 }))),
  },
  {
    name: '@sd-jwt/jwt-status-list',
    run: times(() => new LibraryStatusList(numbers, bits).compressStatusList()),
  },
])

const library = new LibraryStatusList(numbers, bits)
await report('Flip one entry and sign the list again', 3, [
  {
    name: 'floor: compress, base64url twice, sign',
    run: async (iterations) => {
      for (let n = 0; n < iterations; n++) {
        const lst = deflateSync(list, { level: 9, strategy: constants.Z_RLE, memLevel: 9 })
        await signer.sign(Buffer.from(encodeBase64url(encodeBase64url(lst))))
      }
    },
  },
  {
    name: 'carnet',
    run: async (iterations) => {
      for (let n = 0; n < iterations; n++) {
        writeStatus(list, { bits, idx: n * 7919, status: 1 })
        await signStatusListToken({ ...claims, list })
      }
    },
  },
  {
    name: 'carnet with the chunk root for its leaf',
    run: async (iterations) => {
      for (let n = 0; n < iterations; n++) {
        await signStatusListToken({ ...claims, list })
        chunkRoot(list)
      }
    },
  },
  {
    name: '@sd-jwt/jwt-status-list',
    run: async (iterations) => {
      for (let n = 0; n < iterations; n++) {
        library.setStatus(n * 7919, 1)
        const lst = library.compressStatusList()
        await signer.sign(Buffer.from(encodeBase64url(JSON.stringify({ lst }))))
      }
    },
  },
])

const token = await signStatusListToken({ ...claims, list })
const lst = library.compressStatusList()
await report('Read a list (signature aside)', 3, [
  {
    name: 'carnet',
    run: times(() =>
      readStatusListClaims(parseJwt(token, { maxLength: token.length }).payload, uri),
    ),
  },
  {
    name: '@sd-jwt/jwt-status-list',
    run: times(() => LibraryStatusList.decompressStatusList(lst, bits)),
  },
])

const proof = proveStatus(list, bits, 4711)
const shape = { root: encodeBase64url(chunkRoot(list)), bits: 2 as const, size: entries }
const chunks = Math.ceil(list.length / 64)
await report(`Chunk tree over ${chunks} chunks (a proof is ${proof.length} bytes)`, 5, [
  {
    name: 'floor: its hashes',
    run: times(() => {
      for (let n = 0; n < 2 * chunks - 1; n++) hash('sha256', 'x'.repeat(65), 'binary')
    }),
  },
  { name: 'carnet, root', run: times(() => chunkRoot(list)) },
  { name: 'carnet, root and proof', run: times(() => proveStatus(list, bits, 4711)) },
])
await report('Check one chunk proof', 2000, [
  {
    name: 'floor: its hashes',
    run: times(() => {
      for (let n = 0; n < (proof.length - 64) / 32 + 1; n++)
        hash('sha256', 'x'.repeat(65), 'binary')
    }),
  },
  { name: 'carnet', run: times(() => checkChunkProof(proof, shape, 4711)) },
])

/** A leaf of the length of a `status.published`. */
const leaf = Buffer.alloc(356, 'x')
const leafText = 'x'.repeat(357)
await report('Append to the log, 356 bytes a leaf, in memory', 20_000, [
  {
    name: 'floor: its two hashes',
    run: times(() => {
      hash('sha256', leafText, 'binary')
      hash('sha256', 'x'.repeat(65), 'binary')
    }),
  },
  {
    name: 'floor: its two hashes as buffers',
    run: times(() => {
      hash('sha256', leaf, 'buffer')
      hash('sha256', leaf.subarray(0, 65), 'buffer')
    }),
  },
  {
    name: 'carnet',
    run: (iterations) => {
      const range = emptyCompactRange()
      for (let n = 0; n < iterations; n++) appendLeafHash(range, hashLeaf(leaf))
      compactRoot(range)
    },
  },
])

const size = Math.min(entries, 1_000_000)
const levels: Buffer[] = []
const range = emptyCompactRange()
for (let n = 0; n < size; n++) {
  appendLeafHash(range, hashLeaf(Buffer.from(String(n))), (height, index, digest) => {
    levels[height] ??= Buffer.alloc(Math.floor(size / 2 ** height) * 32)
    levels[height]?.set(digest, index * 32)
  })
}
const subtree: SubtreeHash = (height, index) =>
  (levels[height] as Buffer).subarray(index * 32, index * 32 + 32)
const root = compactRoot(range)
const proofOf = (index: number) =>
  inclusionRanges(index, size).map((leaves) => rangeHash(leaves, subtree))
const known = proofOf(4711)
const claim = { leafHash: hashLeaf(Buffer.from('4711')), index: 4711, size, proof: known, root }
await report(`Inclusion in a log of ${size} leaves (${known.length} hashes)`, 2000, [
  {
    name: 'floor: the hashes of one verification',
    run: times(() => {
      for (let n = 0; n < known.length; n++) hash('sha256', 'x'.repeat(65), 'binary')
    }),
  },
  { name: 'carnet, prove', run: times((n) => proofOf((n * 7919) % size)) },
  { name: 'carnet, verify', run: times(() => isIncluded(claim)) },
])

const count = 10_000
const sha256 = (data: Buffer) => hash('sha256', data, 'buffer')
const leaves = Array.from({ length: count }, (_, n) => sha256(Buffer.from(String(n))))
const tree = new MerkleTree(leaves, sha256)
const small = emptyCompactRange()
for (const digest of leaves) appendLeafHash(small, digest)
const smallLevels = new Map<string, Uint8Array>()
appendAll(leaves, smallLevels)
const smallRoot = tree.getRoot()
const smallProof = tree.getProof(leaves[4711] as Buffer, 4711)
const own = inclusionRanges(4711, count).map((part) =>
  rangeHash(part, (height, index) => smallLevels.get(`${height}/${index}`) as Buffer),
)
const ownClaim = {
  leafHash: leaves[4711] as Buffer,
  index: 4711,
  size: count,
  proof: own,
  root: compactRoot(small),
}
await report(`A log of ${count} leaves beside merkletreejs: one more leaf and its root`, 50, [
  {
    name: 'carnet',
    run: times((n) => {
      const next = { size: small.size, hashes: [...small.hashes] }
      appendLeafHash(next, leaves[n] as Buffer)
      compactRoot(next)
    }),
  },
  { name: 'merkletreejs', run: times(() => new MerkleTree(leaves, sha256).getRoot()) },
])
await report('…one proof', 2000, [
  {
    name: 'carnet',
    run: times((n) =>
      inclusionRanges(n, count).map((part) =>
        rangeHash(part, (height, index) => smallLevels.get(`${height}/${index}`) as Buffer),
      ),
    ),
  },
  { name: 'merkletreejs', run: times((n) => tree.getProof(leaves[n] as Buffer, n)) },
])
await report('…one verification', 2000, [
  { name: 'carnet', run: times(() => isIncluded(ownClaim)) },
  {
    name: 'merkletreejs',
    run: times(() => tree.verify(smallProof, leaves[4711] as Buffer, smallRoot)),
  },
])

await serve()

/** Requests of one client with a kept connection, against the endpoint and against a bare server of the same bytes. */
async function serve(): Promise<void> {
  const db = openDatabase(':memory:', {
    audit: auditLogMigrations,
    webhook: webhookMigrations,
    status: statusMigrations,
  })
  const log = openAuditLog(db, {
    origin: 'issuer.example/log',
    signer: generateEd25519Key().signer,
  })
  const store = openStatusStore(db, { baseUrl: 'https://issuer.example', random: systemRandom })
  await store.keepOpen({ name: 'standard', size: Math.min(entries, 2 ** 20), lanes: 1 }, now)
  const cadence = { intervalSeconds: 300, validitySeconds: 3600 }
  const signToken = () => signStatusListToken({ ...claims, list })
  // The database has no changes, so what is compared is the empty list; what is served is the full one.
  await publishStatusLists(
    {
      store,
      log,
      cadence,
      signToken,
      verifyToken: async () => new Uint8Array(statusListBytes(Math.min(entries, 2 ** 20), bits)),
    },
    now,
  )
  const [reference] = allocateIndexes(db, { copies: 1, credentialExpires: now + 86_400, now })
  const path = new URL(reference?.uri ?? '').pathname
  const compressed = gzipSync(token)
  const etag = `"${hash('sha256', token, 'base64url')}"`
  const bare = createServer((_request, response) => {
    response.setHeader('Content-Encoding', 'gzip')
    response.end(compressed)
  }).listen(0, '127.0.0.1')
  const full = createServer(express().use(routerOf(statusEndpoints(store, () => now)))).listen(
    0,
    '127.0.0.1',
  )
  const ask =
    (server: typeof bare, headers: Record<string, string>) => async (iterations: number) => {
      for (let n = 0; n < iterations; n++) await fetchOnce(server, path, headers)
    }
  for (const server of [bare, full]) {
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  }
  const current = await store.current(path.split('/').at(-1) ?? '')
  const known = current === undefined ? etag : `"${current.sha256}"`
  const rows = await report(
    `Serve a token of ${token.length} bytes (${compressed.length} on the wire)`,
    200,
    [
      {
        name: 'floor: a bare server with the same bytes',
        run: ask(bare, { 'Accept-Encoding': 'gzip' }),
      },
      { name: 'carnet, full', run: ask(full, { 'Accept-Encoding': 'gzip' }) },
      { name: 'carnet, 304', run: ask(full, { 'If-None-Match': known }) },
    ],
  )
  console.log()
  for (const { name, microseconds } of rows) {
    console.log(`${Math.round(1e6 / microseconds)} requests a second of one core: ${name}`)
  }
  bare.close().closeAllConnections()
  full.close().closeAllConnections()
  db.close()
}

function fetchOnce(
  server: ReturnType<typeof createServer>,
  path: string,
  headers: Record<string, string>,
): Promise<void> {
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers }, (response) => {
      response.resume().once('end', resolve)
    }).once('error', reject)
  })
}

function appendAll(leaves: readonly Buffer[], hashes: Map<string, Uint8Array>): void {
  const all = emptyCompactRange()
  for (const digest of leaves) {
    appendLeafHash(all, digest, (height, index, value) => hashes.set(`${height}/${index}`, value))
  }
}
