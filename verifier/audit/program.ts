import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { type Checkpoint, parseCheckpoint } from '../../shared/audit/checkpoint.ts'
import { cosignatureVerifier, requireWitnesses } from '../../shared/audit/cosignature.ts'
import { AuditError } from '../../shared/audit/error.ts'
import { type NoteVerifier, parseVkey } from '../../shared/audit/note.ts'
import { type NumericDate, toDateTime } from '../../shared/clock.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { type AuditState, auditOnce, NEW_AUDIT } from './audit.ts'
import { compareViews } from './compare.ts'
import { diffLists } from './diff.ts'
import {
  checkEvidence,
  checkpointsOf,
  collectEvidence,
  EvidenceError,
  requireOwnList,
  type Statement,
} from './evidence.ts'
import type { Finding } from './finding.ts'
import { LogInconsistent, readNewEntries } from './read-log.ts'
import { type RulesReport, readRules } from './rules.ts'
import { openPublicSource, type PublicSource, SourceError } from './source.ts'
import { parseState, renderState } from './state.ts'
import { openWitness, type Witness } from './witness.ts'
import type { AuditWorld } from './world.ts'

/** The rules were kept, and what was asked is proven. */
const KEPT = 0
/** A rule was broken, or the evidence does not prove its statement. */
const BROKEN = 1
/** Wrong usage. */
const USAGE = 2
/** An address could not be reached, so that nothing can be said. */
const UNREACHABLE = 3
/** A file, key or port cannot be used, so that nothing can be said. */
const UNUSABLE = 4

const USAGE_TEXT = `
Example:
  carnet-audit verify --issuer https://issuer.example --log-key "$VKEY" --state audit.json
  carnet-audit at     --issuer https://issuer.example --log-key "$VKEY" --list URI --index 4711 --time 1782864000
  carnet-audit export --issuer https://issuer.example --log-key "$VKEY" --list URI --index 4711 \\
                      --time 1782864000 --time 1782867600 --out evidence
  carnet-audit check evidence --log-key "$VKEY"
  carnet-audit compare here.json elsewhere.json --issuer https://issuer.example --log-key "$VKEY"

The log key is its verifier key in the form of C2SP signed-note: name+id+key.
Exit status: 0 all rules kept and the statement proven, 1 a rule broken or a proof that fails, 2 wrong usage,
3 an address could not be reached, 4 a file, key or port cannot be used.`

/** Runs one command line and answers the exit status. */
export async function run(argv: readonly string[], world: AuditWorld): Promise<number> {
  const outcome = { status: KEPT }
  try {
    await program(world, outcome).parseAsync(argv, { from: 'user' })
    return outcome.status
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? KEPT : USAGE
    if (thrown instanceof SourceError) {
      world.note(`carnet-audit: ${thrown.message}`)
      return UNREACHABLE
    }
    if (thrown instanceof OperatorError) {
      world.note(`carnet-audit: ${thrown.message}`)
      if (thrown.hint !== undefined) world.note(`carnet-audit: hint: ${thrown.hint}`)
      // A broken rule that was told already outweighs a file in which it could not be kept.
      return outcome.status === BROKEN ? BROKEN : UNUSABLE
    }
    if (
      !(thrown instanceof AuditError) &&
      !(thrown instanceof EvidenceError) &&
      !(thrown instanceof LogInconsistent)
    ) {
      throw thrown
    }
    world.note(`carnet-audit: ${thrown.message}`)
    return BROKEN
  }
}

interface WitnessedLog {
  readonly logKey: NoteVerifier
  readonly witness?: readonly NoteVerifier[]
  readonly quorum: number
}

interface LogOptions extends WitnessedLog {
  readonly issuer: string
  readonly allowLoopback: boolean
}

function program(world: AuditWorld, outcome: { status: number }): Command {
  const root = new Command('carnet-audit')
    .description('Proves from public artefacts what a status list said, and finds broken rules.')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.print(text.trimEnd()),
      writeErr: (text) => world.note(text.trimEnd()),
      outputError: (text, write) => write(`carnet-audit: ${text.replace(/^error: /, '')}`),
    })
    .showHelpAfterError('carnet-audit: hint: carnet-audit --help')
    .addHelpText('after', USAGE_TEXT)
  const onLog = (name: string, description: string): Command =>
    root
      .command(name)
      .description(description)
      .requiredOption('--issuer <URL>', 'the issuer, such as https://issuer.example', webAddress)
      .requiredOption('--log-key <VKEY>', 'verifier key of its log', verifierKey)
      .option('--witness <VKEY>', 'a witness that counts; may be given again', addVerifierKey)
      .option('--quorum <N>', 'how many of them must have cosigned', wholeNumber, 1)
      .option('--allow-loopback', 'reach an issuer on this machine, for development', false)

  onLog('verify', 'read what is new in the log and judge every publication')
    .option('--state <FILE>', 'what was seen before; a later run goes on from there')
    .action(async (options: LogOptions & { state?: string }) => {
      await verify(world, options, outcome)
    })
  onLog('follow', 'verify again and again until stopped')
    .requiredOption('--state <FILE>', 'what was seen before; a later run goes on from there')
    .option('--every <SECONDS>', 'pause between two runs', wholeNumber, 60)
    .action(async (options: LogOptions & { state: string; every: number }) => {
      let unreachable: SourceError | undefined
      do unreachable = await verifyIfReachable(world, options, outcome)
      while (await world.pause(options.every))
      if (unreachable !== undefined && outcome.status === KEPT) outcome.status = UNREACHABLE
    })
  onLog('compare', 'find out whether two followers were shown two different logs')
    .argument('<STATE>', 'what one follower has seen')
    .argument('<STATE>', 'what another has seen')
    .action(async (first: string, second: string, options: LogOptions) => {
      const views = [await readView(world, first), await readView(world, second)] as const
      const findings = await compareViews(sourceOf(world, options), options.logKey, views)
      outcome.status = printFindings(world, findings)
    })
  onLog('diff', 'show which indexes of a list changed between two times')
    .requiredOption('--list <URI>', 'the status list', webAddress)
    .requiredOption('--from <SECONDS>', 'the earlier time', wholeNumber)
    .requiredOption('--to <SECONDS>', 'the later time', wholeNumber)
    .action(async (options: LogOptions & { list: string; from: number; to: number }) => {
      const { logKey, list, from, to } = options
      requireOwnList(logKey, list)
      const source = sourceOf(world, options)
      const { entries } = await readNewEntries(source, logKey, undefined)
      for (const change of await diffLists(source, { entries, list, from, to })) {
        world.print(`index ${change.idx}: ${change.from} -> ${change.to}`)
      }
    })
  onLog('rules', 'list the rules that were in force, and how often dossiers were opened').action(
    async (options: LogOptions) => {
      const source = sourceOf(world, options)
      const { known, entries } = await readNewEntries(source, options.logKey, undefined)
      requirePolicy([known.checkpoint], options)
      printRules(world, readRules(entries))
    },
  )
  const onIndex = (name: string, description: string): Command =>
    onLog(name, description)
      .requiredOption('--list <URI>', 'the status list', webAddress)
      .requiredOption('--index <N>', 'the index in it', wholeNumber)
      .requiredOption('--time <SECONDS>', 'when, since 1970; may be given again', addTime)
  onIndex('at', 'prove what a list said of an index').action(
    async (options: LogOptions & Question) => {
      const { statement } = await ask(world, options)
      printStatement(world, statement)
    },
  )
  onIndex('export', 'write that proof as files')
    .requiredOption('--out <DIR>', 'a folder that does not exist yet')
    .option('--compact', 'half a kilobyte of each list instead of the signed token', false)
    .action(async (options: LogOptions & Question & { out: string }) => {
      const { files, statement } = await ask(world, options)
      await world.writeFolder(options.out, files)
      printStatement(world, statement)
      world.print(`${files.size} files in ${options.out}`)
    })
  root
    .command('check')
    .description('check exported files offline')
    .argument('<DIR>', 'the folder that export wrote')
    .requiredOption('--log-key <VKEY>', 'verifier key of the log', verifierKey)
    .option('--witness <VKEY>', 'a witness that counts; may be given again', addVerifierKey)
    .option('--quorum <N>', 'how many of them must have cosigned', wholeNumber, 1)
    .action(async (folder: string, options: WitnessedLog) => {
      const files = await world.readFolder(folder)
      const statement = checkEvidence(files, options.logKey)
      requirePolicy(checkpointsOf(files), options)
      printStatement(world, statement)
      world.print('every file is proven')
    })
  root
    .command('witness-key')
    .description('make the key of a witness and print its verifier key')
    .requiredOption('--name <NAME>', 'the witness, such as witness.example/1', keyName)
    .requiredOption('--out <FILE>', 'where to keep the key')
    .action(async ({ name, out }: { name: string; out: string }) => {
      world.print(cosignatureVerifier(name, await world.createKey(out)).vkey)
    })
  root
    .command('witness')
    .description('cosign checkpoints that continue what was cosigned before, until stopped')
    .requiredOption('--name <NAME>', 'the witness, such as witness.example/1', keyName)
    .requiredOption('--key <FILE>', 'what witness-key wrote')
    .requiredOption('--state <DIR>', 'where the last checkpoint of each log is kept')
    .requiredOption('--log-key <VKEY>', 'a log to witness; may be given again', addVerifierKey)
    .option('--host <HOST>', 'address to listen at', '127.0.0.1')
    .option('--port <PORT>', 'port to listen at, 0 for any', wholeNumber, 0)
    .action(async (options: WitnessOptions) => {
      const { name, logKey: logs } = options
      const signer = await world.openKey(options.key)
      const state = await world.witnessState(options.state)
      const witness = openWitness({ name, signer, logs, state, clock: world.clock })
      for (const log of logs) await requireReadable(witness, log.name, options.state)
      await world.serveWitness(witness, options, (url) => world.print(`listening at ${url}`))
    })
  return root
}

/** What a witness cannot read it cannot continue, so it does not begin. @throws OperatorError */
async function requireReadable(witness: Witness, origin: string, folder: string): Promise<void> {
  const text = await witness.checkpoint(origin)
  try {
    if (text !== undefined) parseCheckpoint(text)
  } catch (cause) {
    if (!(cause instanceof AuditError)) throw cause
    throw new OperatorError('file_unreadable', `${folder} holds no checkpoint of ${origin}`, {
      cause,
      hint: 'restore the folder from a backup; a witness that forgot what it saw is none',
    })
  }
}

interface WitnessOptions {
  readonly name: string
  readonly key: string
  readonly state: string
  readonly logKey: readonly NoteVerifier[]
  readonly host: string
  readonly port: number
}

interface Question {
  readonly list: string
  readonly index: number
  readonly time: readonly NumericDate[]
  readonly compact?: boolean
}

/** A follower goes on when the issuer is away: what it missed is in the log, and that it was away is told. */
async function verifyIfReachable(
  world: AuditWorld,
  options: LogOptions & { readonly state: string },
  outcome: { status: number },
): Promise<SourceError | undefined> {
  try {
    await verify(world, options, outcome)
    return undefined
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    world.note(`carnet-audit: ${toDateTime(world.clock())}: ${error.message}`)
    return error
  }
}

/** What is found is told before it is kept, so that a state that cannot be written hides nothing. */
async function verify(
  world: AuditWorld,
  options: LogOptions & { readonly state?: string },
  outcome: { status: number },
): Promise<void> {
  const { state: path } = options
  const before = path === undefined ? undefined : await readState(world, path)
  const { state, findings, judged } = await auditOnce(sourceOf(world, options), options.logKey, {
    state: before ?? NEW_AUDIT,
    now: world.clock(),
  })
  const { checkpoint } = state.known ?? {}
  const all =
    checkpoint === undefined ? findings : [...findings, ...unwitnessed(checkpoint, options)]
  const size = checkpoint?.size ?? 0
  world.print(`log ${options.logKey.name}: ${size} entries, ${judged} new publications judged`)
  outcome.status = Math.max(outcome.status, printFindings(world, all))
  if (path !== undefined) await world.writeText(path, renderState(state))
}

async function readState(world: AuditWorld, path: string): Promise<AuditState | undefined> {
  const text = await world.readText(path)
  if (text === undefined) return undefined
  try {
    return parseState(text)
  } catch (cause) {
    throw new OperatorError('file_unreadable', `${path} is not a state of carnet-audit`, {
      cause,
      hint: 'name the file that an earlier --state wrote',
    })
  }
}

async function readView(world: AuditWorld, path: string): Promise<AuditState> {
  const state = await readState(world, path)
  if (state !== undefined) return state
  throw new OperatorError('file_unreadable', `cannot read ${path}: there is no such file`, {
    hint: 'name the file that an earlier --state wrote',
  })
}

async function ask(
  world: AuditWorld,
  options: LogOptions & Question,
): ReturnType<typeof collectEvidence> {
  const { logKey, list, index, time: times, compact = false } = options
  const source = sourceOf(world, options)
  const { known, entries } = await readNewEntries(source, logKey, undefined)
  requirePolicy([known.checkpoint], options)
  return collectEvidence(source, logKey, { known, entries, list, index, times, compact })
}

function printFindings(world: AuditWorld, findings: readonly Finding[]): number {
  for (const { rule, detail, list, leaf, evidence = [] } of findings) {
    const where = [list, leaf === undefined ? undefined : `leaf ${leaf}`].filter(Boolean)
    world.print(`BROKEN ${rule}: ${detail}${where.length > 0 ? ` (${where.join(', ')})` : ''}`)
    for (const checkpoint of evidence) world.print(checkpoint.trimEnd())
  }
  if (findings.length === 0) world.print('no rule is broken')
  return findings.length === 0 ? KEPT : BROKEN
}

/** Nothing is asked of witnesses that were not named. @throws AuditError `witness_missing` */
function requirePolicy(
  checkpoints: readonly Checkpoint[],
  { witness: witnesses, quorum: threshold }: WitnessedLog,
): void {
  if (witnesses === undefined) return
  for (const checkpoint of checkpoints) requireWitnesses(checkpoint, { witnesses, threshold })
}

function unwitnessed(checkpoint: Checkpoint, options: WitnessedLog): Finding[] {
  try {
    requirePolicy([checkpoint], options)
    return []
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    return [{ rule: 'witness_missing', detail: error.message }]
  }
}

function printRules(world: AuditWorld, { adoptions, openings }: RulesReport): void {
  for (const { index, leaf } of adoptions) {
    const what =
      leaf.type === 'workflow.adopted'
        ? `workflow ${leaf.id} version ${leaf.version}, sha256 ${leaf.sha256}`
        : `rulebook, commitment ${leaf.commitment}`
    world.print(`from ${leaf.at}: ${what} (leaf ${index})`)
  }
  for (const [name, count] of openings) world.print(`dossiers opened, ${name}: ${count}`)
  if (openings.size === 0) world.print('no dossier was opened')
}

function sourceOf(world: AuditWorld, { issuer, allowLoopback }: LogOptions): PublicSource {
  return openPublicSource(issuer, world.network({ allowLoopback }))
}

function printStatement(world: AuditWorld, { log, list, index, answers }: Statement): void {
  world.print(`log   ${log}`)
  world.print(`list  ${list}`)
  world.print(`index ${index}`)
  for (const { time, status, sequence, from, until } of answers) {
    const end = until === undefined ? 'the newest publication' : `until ${until}`
    world.print(`at ${time}: ${status} (publication ${sequence}, from ${from}, ${end})`)
  }
}

function verifierKey(text: string): NoteVerifier {
  try {
    return parseVkey(text)
  } catch {
    throw new InvalidArgumentError('It is not a verifier key such as name+12345678+AbC...')
  }
}

function addVerifierKey(text: string, before: readonly NoteVerifier[] | undefined): NoteVerifier[] {
  return [...(before ?? []), verifierKey(text)]
}

function keyName(text: string): string {
  if (!/^[^\s+]+$/u.test(text)) throw new InvalidArgumentError('It has a space or a plus.')
  return text
}

function webAddress(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('It is not a web address.')
  }
  return text
}

function wholeNumber(text: string): number {
  if (!/^(0|[1-9]\d{0,11})$/.test(text)) throw new InvalidArgumentError('It is not a whole number.')
  return Number(text)
}

function addTime(text: string, before: readonly number[] | undefined): number[] {
  return [...(before ?? []), wholeNumber(text)]
}
