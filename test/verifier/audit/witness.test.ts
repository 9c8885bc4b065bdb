import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { renderAddCheckpoint } from '../../../shared/audit/add-checkpoint.ts'
import { parseCheckpoint, signCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { cosignatureVerifier, verifyCosignatures } from '../../../shared/audit/cosignature.ts'
import { gatherCosignatures, WitnessesMissing } from '../../../shared/audit/gather-cosignatures.ts'
import { auditLogMigrations, openAuditLog } from '../../../shared/audit/log.sqlite.ts'
import type { AuditLog } from '../../../shared/audit/log.ts'
import { hashLeaf } from '../../../shared/audit/merkle.ts'
import { noteVerifier, parseVkey } from '../../../shared/audit/note.ts'
import { sha256Hex } from '../../../shared/hash.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { type Database, openDatabase } from '../../../shared/store/database.sqlite.ts'
import { run } from '../../../verifier/audit/program.ts'
import { witnessApplication } from '../../../verifier/audit/witness.http.ts'
import { openWitness, type Witness } from '../../../verifier/audit/witness.ts'
import { openWitnessState } from '../../../verifier/audit/witness-state.file.ts'
import { testWorld } from '../../support/audit-world.ts'

const ORIGIN = 'issuer.example/log'

describe('carnet-audit witness', () => {
  const { signer } = generateEd25519Key()
  const log = noteVerifier(ORIGIN, signer.publicJwk)
  let folder: string
  let db: Database
  let source: AuditLog
  let witness: Witness
  const witnessKey = generateEd25519Key().signer
  const open = () =>
    openWitness({
      name: 'witness.example/1',
      signer: witnessKey,
      logs: [log],
      state: openWitnessState(join(folder, 'state')),
      clock: () => 1_800_000_000,
    })
  const grow = async (count: number): Promise<string> => {
    for (let n = 0; n < count; n++) await source.append({ type: 'test.entry', at: n })
    return source.publish(1)
  }
  const ask = async (checkpoint: string, oldSize: number, proof: readonly Buffer[] = []) =>
    witness.addCheckpoint(renderAddCheckpoint({ oldSize, proof, checkpoint }))

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'carnet-witness-'))
    db = openDatabase(':memory:', { audit: auditLogMigrations })
    source = openAuditLog(db, { origin: ORIGIN, signer })
    witness = open()
  })
  afterEach(() => {
    db.close()
    rmSync(folder, { recursive: true })
  })

  it('cosigns the first checkpoint and each that continues it, across a restart', async () => {
    const first = await grow(3)
    const answer = await ask(first, 0)
    expect(answer.status).to.equal(200)
    const cosigned = parseCheckpoint(`${first}${answer.body}`)
    const verifier = cosignatureVerifier('witness.example/1', witnessKey)
    expect(verifyCosignatures(cosigned, [verifier])).to.deep.equal([
      { name: 'witness.example/1', at: 1_800_000_000 },
    ])
    const second = await grow(4)
    witness = open()
    expect((await ask(second, 3, await source.proveConsistency(3, 7))).status).to.equal(200)
    expect(parseCheckpoint((await witness.checkpoint(ORIGIN)) ?? '').size).to.equal(7)
  })

  it('answers 404 for an unknown log, 403 for a checkpoint that the log has not signed', async () => {
    const root = hashLeaf(Buffer.from('x'))
    const other = await signCheckpoint({ origin: 'other.example/log', size: 1, root }, signer)
    expect((await ask(other, 0)).status).to.equal(404)
    const stranger = generateEd25519Key().signer
    expect(
      (await ask(await signCheckpoint({ origin: ORIGIN, size: 1, root }, stranger), 0)).status,
    ).to.equal(403)
    const forged = (await grow(1)).replace(/\n1\n/, '\n2\n')
    expect((await ask(forged, 0)).status).to.equal(403)
  })

  it('answers 409 with the size it knows when the old size is another', async () => {
    await ask(await grow(3), 0)
    const next = await grow(1)
    expect(await ask(next, 0)).to.deep.equal({ status: 409, body: '3\n' })
    expect(await ask(next, 2, await source.proveConsistency(2, 4))).to.deep.equal({
      status: 409,
      body: '3\n',
    })
  })

  it('answers 422 for a proof that does not verify, and cosigns nothing', async () => {
    await ask(await grow(3), 0)
    const next = await grow(2)
    const before = await witness.checkpoint(ORIGIN)
    expect((await ask(next, 3)).status).to.equal(422)
    expect((await ask(next, 3, [hashLeaf(Buffer.from('x'))])).status).to.equal(422)
    const fork = await signCheckpoint(
      { origin: ORIGIN, size: 3, root: hashLeaf(Buffer.from('x')) },
      signer,
    )
    expect((await ask(fork, 3)).status).to.equal(422)
    expect(await witness.checkpoint(ORIGIN)).to.equal(before)
  })

  it('answers 422 for a proof from nothing and for an empty tree with a root', async () => {
    expect((await ask(await grow(1), 0, [hashLeaf(Buffer.from('x'))])).status).to.equal(422)
    const empty = await signCheckpoint(
      { origin: ORIGIN, size: 0, root: hashLeaf(Buffer.from('x')) },
      signer,
    )
    expect((await ask(empty, 0)).status).to.equal(422)
  })

  it('answers 400 for an old size beyond the checkpoint and for what it cannot read', async () => {
    const checkpoint = await grow(1)
    expect((await ask(checkpoint, 2)).status).to.equal(400)
    for (const body of [
      '',
      'old 0\n',
      `old 00\n\n${checkpoint}`,
      `new 0\n\n${checkpoint}`,
      `old 0\nx\n\n${checkpoint}`,
      'old 0\n\nx\n',
    ]) {
      expect((await witness.addCheckpoint(body)).status, body).to.equal(400)
    }
  })

  it('lets one of two requests at once win, so that it never goes back', async () => {
    await ask(await grow(1), 0)
    const small = await grow(1)
    const proof = await source.proveConsistency(1, 2)
    const large = await grow(1)
    const answers = await Promise.all([
      ask(large, 1, await source.proveConsistency(1, 3)),
      ask(small, 1, proof),
    ])
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 409])
  })

  describe('and a log that serves nothing without two of three', () => {
    const servers: Server[] = []
    const serve = async (name: string) => {
      const key = generateEd25519Key().signer
      const one = openWitness({
        name,
        signer: key,
        logs: [log],
        state: openWitnessState(join(folder, name)),
        clock: () => 1_800_000_000,
      })
      const server = createServer(witnessApplication(one, () => undefined)).listen(0, '127.0.0.1')
      servers.push(server)
      await new Promise((resolve) => server.once('listening', resolve))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      return { verifier: cosignatureVerifier(name, key), url, server }
    }
    afterEach(() => {
      for (const server of servers.splice(0)) server.close().closeAllConnections()
    })

    it('serves a checkpoint that two have cosigned while one is away', async () => {
      const witnesses = [await serve('a'), await serve('b'), await serve('c')]
      const cosign = gatherCosignatures({
        witnesses,
        threshold: 2,
        fetch: (input, init) => fetch(input, init),
      })
      const witnessed = openAuditLog(db, { origin: ORIGIN, signer, cosign })
      await witnessed.append({ type: 'test.entry', at: 1 })
      const all = parseCheckpoint(await witnessed.publish(1))
      const verifiers = witnesses.map(({ verifier }) => verifier)
      expect(verifyCosignatures(all, verifiers)).to.have.length(3)
      witnesses[2]?.server.close().closeAllConnections()
      await witnessed.append({ type: 'test.entry', at: 2 })
      const two = await witnessed.publish(2)
      expect(verifyCosignatures(parseCheckpoint(two), verifiers)).to.have.length(2)

      witnesses[1]?.server.close().closeAllConnections()
      await witnessed.append({ type: 'test.entry', at: 3 })
      const outcome = await witnessed.publish(3).catch((error) => error)
      expect(outcome).to.be.instanceOf(WitnessesMissing)
      expect(await witnessed.checkpoint()).to.equal(two)
      expect(await witnessed.prove(2)).to.equal(undefined)

      const again = [...witnesses.slice(0, 1), await serve('d')]
      const more = gatherCosignatures({
        witnesses: again,
        threshold: 2,
        fetch: (input, init) => fetch(input, init),
      })
      const resumed = openAuditLog(db, { origin: ORIGIN, signer, cosign: more })
      expect(parseCheckpoint(await resumed.publish(4)).size).to.equal(3)
    })

    it('serves nothing when a witness has seen a larger log under its key', async () => {
      const one = await serve('a')
      const cosign = gatherCosignatures({
        witnesses: [one],
        threshold: 1,
        fetch: (input, init) => fetch(input, init),
      })
      const witnessed = openAuditLog(db, { origin: ORIGIN, signer, cosign })
      for (let n = 0; n < 3; n++) await witnessed.append({ type: 'test.entry', at: n })
      await witnessed.publish(1)
      const old = openDatabase(':memory:', { audit: auditLogMigrations })
      const restored = openAuditLog(old, { origin: ORIGIN, signer, cosign })
      await restored.append({ type: 'test.entry', at: 0 })
      const outcome = await restored.publish(2).catch((error) => error)
      expect(outcome).to.be.instanceOf(WitnessesMissing)
      expect(await restored.checkpoint()).to.equal(undefined)
      old.close()
    })
  })

  it('is a program with its own key and state', async () => {
    const lines: string[] = []
    const key = join(folder, 'witness.pem')
    const world = testWorld({
      clock: () => 1_800_000_000,
      print: (line) => lines.push(line),
      whileServing: async (url) => {
        const checkpoint = await grow(2)
        const body = renderAddCheckpoint({ oldSize: 0, proof: [], checkpoint })
        const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
        expect(answer.status).to.equal(200)
        const conflict = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
        expect(conflict.status).to.equal(409)
        expect(conflict.headers.get('content-type')).to.equal('text/x.tlog.size')
        const shown = await fetch(`${url}/${sha256Hex(ORIGIN)}/checkpoint`)
        const verifier = parseVkey(lines[0] ?? '')
        expect(verifyCosignatures(parseCheckpoint(await shown.text()), [verifier])).to.have.length(
          1,
        )
        expect((await fetch(`${url}/${sha256Hex('other')}/checkpoint`)).status).to.equal(404)
      },
    })
    const name = ['--name', 'witness.example/1']
    expect(await run(['witness-key', ...name, '--out', key], world)).to.equal(0)
    expect(existsSync(key)).to.equal(true)
    const options = ['--key', key, '--state', join(folder, 'kept'), '--log-key', log.vkey]
    expect(await run(['witness', ...name, ...options], world), lines.join('\n')).to.equal(0)
    expect(lines[1]).to.match(/^listening at http/)
    expect(readdirSync(join(folder, 'kept'))).to.deep.equal([`${sha256Hex(ORIGIN)}.1`])
  })
})
