import { join } from 'node:path'
import { logFiles } from '../../shared/audit/static-files.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import type { World } from '../world.ts'

interface ConfigOption {
  readonly config?: string
}

/** Hashes the whole log again and compares every tile and every checkpoint. @throws OperatorError when one differs */
export async function checkLog(world: World, { config }: ConfigOption): Promise<void> {
  const findings = await world.withLog(config, (log) => log.check())
  for (const finding of findings) world.print(finding)
  if (findings.length > 0) {
    throw new OperatorError('log_damaged', 'what is stored is not what was signed', {
      hint: 'stop the issuer and keep a copy of the database before anything else',
    })
  }
  world.print('every entry, tile and checkpoint is as it was signed')
}

/** Writes the log as static files that any web server can serve; those that never change are written once. */
export async function exportLog(
  world: World,
  { config, out }: ConfigOption & { readonly out: string },
): Promise<void> {
  const count = await world.withLog(config, async (log) => {
    let written = 0
    for await (const { path, bytes } of logFiles(log)) {
      world.writeLogFile(join(out, path), bytes)
      written++
    }
    return written
  })
  world.print(`${count} files in ${out}`)
}

/** Prints, one JSON object a line, what each leaf about rules stands for, and the salt that opens a commitment. */
export async function printRules(world: World, { config }: ConfigOption): Promise<void> {
  const rules = await world.withStore(config, (store) => store.adoptedRules())
  for (const { leaf, kind, adoptedAt, details, salt } of rules) {
    world.print(JSON.stringify({ leaf, kind, at: adoptedAt, details, salt }))
  }
}
