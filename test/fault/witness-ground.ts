import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { renderAddCheckpoint } from '../../shared/audit/add-checkpoint.ts'
import { parseCheckpoint, signCheckpoint } from '../../shared/audit/checkpoint.ts'
import { cosignatureVerifier, verifyCosignatures } from '../../shared/audit/cosignature.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { hashLeaf } from '../../shared/audit/merkle.ts'
import { type NoteVerifier, parseVkey } from '../../shared/audit/note.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { generateEd25519Key, openEd25519Key } from '../../shared/key/signer.software.ts'
import type { Ed25519Signer } from '../../shared/key/signer.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import { openAuditFiles } from '../../verifier/audit/world.file.ts'

const ORIGIN = 'issuer.example/log'
const NAME = 'witness.example/1'

/** A log that its owner may fork, and a witness program that is killed and started again on one state. */
export interface WitnessGround {
  readonly folder: string
  readonly log: NoteVerifier
  readonly verifier: NoteVerifier
  /** Checkpoints of sizes 1 to 40, each with the proof from the size before. */
  readonly steps: readonly { readonly checkpoint: string; readonly proof: readonly Buffer[] }[]
  readonly signer: Ed25519Signer
  /** Every cosigned checkpoint that left the witness, outside of its reach. */
  readonly cosigned: string[]
}

export async function openWitnessGround(): Promise<WitnessGround> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-witness-fault-'))
  const { signer } = generateEd25519Key()
  const db = openDatabase(':memory:', { audit: auditLogMigrations })
  const source = openAuditLog(db, { origin: ORIGIN, signer })
  const steps: { checkpoint: string; proof: readonly Buffer[] }[] = []
  for (let size = 1; size <= 40; size++) {
    await source.append({ type: 'test.entry', at: size })
    const checkpoint = await source.publish(size)
    const proof = size === 1 ? [] : await source.proveConsistency(size - 1, size)
    steps.push({ checkpoint, proof })
  }
  db.close()
  const files = openAuditFiles({ generate: generateEd25519Key, open: openEd25519Key })
  const key = await files.createKey(join(folder, 'key.pem'))
  const verifier = cosignatureVerifier(NAME, key)
  return { folder, log: parseVkey(source.vkey), verifier, steps, signer, cosigned: [] }
}

export function closeWitnessGround({ folder }: WitnessGround): void {
  rmSync(folder, { recursive: true, force: true })
}

/** A witness process, and where it listens; no address when it ended before it did. */
export interface RunningWitness {
  readonly url: string | undefined
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** What it wrote to standard error so far. */
  errors(): string
}

export async function startWitness(
  { folder, log }: WitnessGround,
  options: {
    readonly compiled?: boolean
    readonly under?: readonly string[]
    readonly state?: string
  } = {},
): Promise<RunningWitness> {
  const { compiled = false, under = [], state = join(folder, 'state') } = options
  const program = compiled
    ? [join(packageRoot, 'dist/verifier/audit/main.js')]
    : ['--import', 'tsx', join(packageRoot, 'verifier/audit/main.ts')]
  const argv = ['witness', '--name', NAME, '--key', join(folder, 'key.pem'), '--state', state]
  const [command = '', ...words] = [...under, process.execPath, ...program, ...argv]
  const child = spawn(command, [...words, '--log-key', log.vkey], { cwd: packageRoot })
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const url = await new Promise<string | undefined>((resolve) => {
    let output = ''
    child.stdout?.on('data', (chunk) => {
      output += chunk
      const address = /listening at (\S+)\n/.exec(output)?.[1]
      if (address !== undefined) resolve(address)
    })
    child.once('close', () => resolve(undefined))
  })
  return { url, child, ended, errors: () => errors }
}

/** Asks a witness for its cosignature and keeps what leaves it. Answers the status; 0 when it was gone. */
export async function askWitness(
  ground: WitnessGround,
  url: string,
  request: {
    readonly oldSize: number
    readonly checkpoint: string
    readonly proof: readonly Buffer[]
  },
): Promise<{ readonly status: number; readonly body: string }> {
  try {
    const body = renderAddCheckpoint(request)
    const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
    const text = await response.text()
    if (response.status === 200) ground.cosigned.push(`${request.checkpoint}${text}`)
    return { status: response.status, body: text }
  } catch {
    return { status: 0, body: '' }
  }
}

/** What the witness says it has cosigned last; 0 before the first. */
export async function witnessedSize(url: string): Promise<number> {
  const response = await fetch(`${url}/${sha256Hex(ORIGIN)}/checkpoint`)
  const text = await response.text()
  return response.status === 404 ? 0 : parseCheckpoint(text).size
}

/** Walks the witness forward until it is gone, has seen all, or `requests` were made. Answers what it had seen at first. */
export async function driveWitness(
  ground: WitnessGround,
  url: string,
  requests: number,
): Promise<number> {
  const first = await witnessedSize(url).catch(() => 0)
  for (let size = first, n = 0; n < requests && size < ground.steps.length; n++, size++) {
    const step = ground.steps[size]
    if (step === undefined) break
    const { status } = await askWitness(ground, url, { oldSize: size, ...step })
    if (status !== 200) break
  }
  return first
}

/**
 * What must be true after any fault: nothing that left the witness is forgotten, and for no size has it cosigned, or
 * will it cosign, a second root.
 */
export async function checkWitness(
  ground: WitnessGround,
  options: { readonly compiled?: boolean } = {},
): Promise<void> {
  const running = await startWitness(ground, options)
  const { url = '' } = running
  try {
    expect(url, running.errors()).not.to.equal('')
    const known = await witnessedSize(url)
    const seen = ground.cosigned.map((text) => parseCheckpoint(text))
    for (const { size } of seen) expect(known, 'a forgotten cosignature').to.be.at.least(size)
    if (known > 0) {
      const fork = await signCheckpoint(
        { origin: ORIGIN, size: known, root: hashLeaf(Buffer.from('fork')) },
        ground.signer,
      )
      const answer = await askWitness(ground, url, { oldSize: known, checkpoint: fork, proof: [] })
      expect(answer.status, 'a second root for one size').to.equal(422)
      const next = ground.steps[known]
      if (next !== undefined) {
        const more = await askWitness(ground, url, { oldSize: known, ...next })
        expect(more.status, 'the witness goes on').to.equal(200)
      }
    }
  } finally {
    running.child.kill('SIGKILL')
    await running.ended
  }
  expectOneRoot(ground)
}

/** Every cosignature that left verifies, and no two of them are for different roots of one size. */
export function expectOneRoot({ cosigned, verifier }: WitnessGround): void {
  const roots = new Map<number, string>()
  for (const text of cosigned) {
    const checkpoint = parseCheckpoint(text)
    expect(verifyCosignatures(checkpoint, [verifier])).to.have.length(1)
    const root = checkpoint.root.toString('hex')
    expect(roots.get(checkpoint.size) ?? root, `size ${checkpoint.size}`).to.equal(root)
    roots.set(checkpoint.size, root)
  }
}
