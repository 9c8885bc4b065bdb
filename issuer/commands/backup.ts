import { toDateTime } from '../../shared/clock.ts'
import type { RestoreOptions, World } from '../world.ts'

/** Makes a backup in a new folder and says what is in it. */
export async function makeBackup(
  world: World,
  given: {
    readonly config?: string
    readonly to: string
    readonly recipient: readonly string[]
    readonly database: boolean
  },
): Promise<void> {
  const { config, to, recipient: recipients, database: withDatabase } = given
  const { database, files, checkpoint } = await world.backup(config, {
    to,
    recipients,
    withDatabase,
  })
  for (const { file, bytes } of [database, files].flatMap((one) => one ?? [])) {
    world.print(`${to}/${file}  ${bytes} bytes sealed`)
  }
  if (checkpoint !== undefined) world.print(`log entries  ${checkpoint.split('\n')[1]}`)
  if (database === undefined) {
    world.note('carnet-issuer: the database is not in this backup; back it up by its own means')
  }
}

/** Restores a backup into a new folder. @throws OperatorError */
export async function restoreBackup(world: World, given: RestoreOptions): Promise<void> {
  const { madeAt } = await world.restore(given)
  world.print(
    `restored the state of ${toDateTime(madeAt)}; serve it with --config ${given.to}/config.json`,
  )
}
