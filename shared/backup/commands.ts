import type { Command, Option } from 'commander'
import { toDateTime } from '../clock.ts'
import type { ConfigChoice } from '../tenant/choice.ts'
import type { BackupManifest } from './manifest.ts'

/** How a backup is restored. */
export interface RestoreOptions {
  readonly from: string
  readonly to: string
  /** A file with an age identity. */
  readonly identity?: string | undefined
  /** A further file in which the mark of the log may be. */
  readonly mark?: string | undefined
  readonly offline: boolean
  readonly newest: boolean
}

/** What the commands need of a program. */
export interface BackupWorld {
  readonly print: (line: string) => void
  readonly note: (line: string) => void
  /** Makes a backup of what a configuration names, while the server may run. Answers what it consists of. */
  readonly backup: (
    configFile: ConfigChoice,
    given: {
      readonly to: string
      readonly recipients: readonly string[]
      readonly withDatabase: boolean
    },
  ) => Promise<BackupManifest>
  /** Opens a backup into a new folder. @throws OperatorError where somebody has seen a newer state */
  readonly restore: (given: RestoreOptions) => Promise<BackupManifest>
}

/** Adds `backup` and `restore` to a program. */
export function addBackup(root: Command, world: BackupWorld, configOption: () => Option): void {
  root
    .command('backup')
    .description(
      'seal a copy of the database, the keys and the configuration, while the server runs',
    )
    .addOption(configOption())
    .requiredOption('--to <FOLDER>', 'a folder that is not there yet')
    .option(
      '--recipient <AGE1>',
      'who can open it, may be repeated; else CARNET_BACKUP_PASSPHRASE does',
      collect,
      [],
    )
    .option('--no-database', 'only what stands beside the database')
    .action(
      (given: { config?: ConfigChoice; to: string; recipient: string[]; database: boolean }) =>
        backUp(world, root.name(), given),
    )
  root
    .command('restore')
    .description('open a backup, unless a newer state was published')
    .requiredOption('--from <FOLDER>', 'the backup')
    .requiredOption('--to <FOLDER>', 'a folder that is not there yet')
    .option(
      '--identity <FILE>',
      'the age identity that opens it; else CARNET_BACKUP_PASSPHRASE does',
    )
    .option('--mark <FILE>', 'where the mark of the log was kept')
    .option('--offline', 'ask nobody over the network', false)
    .option('--newest', 'say that nothing was published since, where nobody can be asked', false)
    .action((given: RestoreOptions) => restore(world, given))
}

async function backUp(
  world: BackupWorld,
  program: string,
  given: {
    readonly config?: ConfigChoice
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
    world.note(`${program}: the database is not in this backup; back it up by its own means`)
  }
}

async function restore(world: BackupWorld, given: RestoreOptions): Promise<void> {
  const { madeAt } = await world.restore(given)
  world.print(
    `restored the state of ${toDateTime(madeAt)}; serve it with --config ${given.to}/config.json`,
  )
}

function collect(value: string, values: readonly string[]): string[] {
  return [...values, value]
}
