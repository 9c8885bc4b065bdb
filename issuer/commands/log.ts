import { AuditError } from '../../shared/audit/error.ts'
import { checkLogFolder, exportLog, pruneLog } from '../../shared/audit/log-folder.ts'
import { parseVkey } from '../../shared/audit/note.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import type { ConfigChoice } from '../../shared/tenant/choice.ts'
import type { World } from '../world.ts'

interface ConfigOption {
  readonly config?: ConfigChoice
}

/** Hashes the whole log again and compares every tile and every checkpoint. @throws OperatorError when one differs */
export async function checkLog(
  world: World,
  { config, out }: ConfigOption & { readonly out?: string },
): Promise<void> {
  const verifier = parseVkey(world.logVerifierKey(config))
  const findings =
    out === undefined
      ? await world.withLog(config, (log) => log.check())
      : await checkLogFolder(world.logFolder(out), verifier)
  report(world, findings)
}

/** Writes the log as static files that any web server can serve; those that never change are written once. */
export async function exportLogFiles(
  world: World,
  { config, out }: ConfigOption & { readonly out: string },
): Promise<void> {
  const verifier = parseVkey(world.logVerifierKey(config))
  const count = await world
    .withLog(config, (log) => exportLog(log, world.logFolder(out), verifier))
    .catch((cause: unknown) => {
      if (!(cause instanceof AuditError)) throw cause
      throw new OperatorError('log_damaged', `${out}: ${cause.message}`, { cause })
    })
  world.print(`${count} files written to ${out}`)
}

/** Removes the partial tiles of a copy that full ones have replaced, then checks all that is left. */
export async function pruneLogFiles(
  world: World,
  { config, out }: ConfigOption & { readonly out: string },
): Promise<void> {
  const removed = await pruneLog(world.logFolder(out))
  world.print(`${removed.length} partial tiles and bundles removed`)
  await checkLog(world, { ...(config === undefined ? {} : { config }), out })
}

function report(world: World, findings: readonly string[]): void {
  for (const finding of findings) world.print(finding)
  if (findings.length > 0) {
    throw new OperatorError('log_damaged', 'what is stored is not what was signed', {
      hint: 'stop the issuer and keep a copy of the database before anything else',
    })
  }
  world.print('every entry, tile and checkpoint is as it was signed')
}

/** Prints, one JSON object a line, what each leaf about rules stands for, and the salt that opens a commitment. */
export async function printRules(world: World, { config }: ConfigOption): Promise<void> {
  const rules = await world.withStore(config, (store) => store.adoptedRules())
  for (const { leaf, kind, adoptedAt, details, salt } of rules) {
    world.print(JSON.stringify({ leaf, kind, at: adoptedAt, details, salt }))
  }
}
