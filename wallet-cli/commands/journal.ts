import { toDateTime } from '../../shared/clock.ts'
import type { JournalEntry } from '../journal/journal.ts'
import { jsonLine, plain, wrap } from '../text.ts'
import type { CommonOptions, World } from '../world.ts'
import { withVault } from './with-vault.ts'

/** Prints or erases the journal. */
export async function journal(
  world: World,
  options: CommonOptions & { readonly json: boolean; readonly erase: boolean },
): Promise<void> {
  const { terminal } = world
  await withVault(world, options, async (vault) => {
    if (options.erase) {
      await vault.eraseJournal()
      terminal.print('the journal is empty')
      return
    }
    const entries = await vault.journal()
    if (entries.length === 0 && !options.json) terminal.note('nothing has happened yet')
    for (const entry of entries) {
      if (options.json) terminal.print(jsonLine(entry))
      else for (const line of render(entry, terminal.width)) terminal.print(line)
    }
  })
}

function render(entry: JournalEntry, width: number): string[] {
  const [first, ...rest] = sentences(entry)
  return [
    ...wrap(`${toDateTime(entry.at)}  ${first}`, width),
    ...rest.flatMap((sentence) => wrap(sentence, width, '    ')),
  ]
}

function sentences(entry: JournalEntry): string[] {
  switch (entry.type) {
    case 'credential.received':
      return [
        `received ${plain(entry.vct)} from ${plain(entry.issuerName)}, ${entry.copies} copies`,
      ]
    case 'credential.not_received':
      return [
        `did not receive ${plain(entry.vct)} from ${plain(entry.issuerName)}: ${plain(entry.reason)}`,
      ]
    case 'credential.forgotten':
      return [`destroyed ${plain(entry.vct)} from ${plain(entry.issuerName)}`]
    case 'presentation.refused':
      return [`refused ${plain(entry.verifierName)}`, ...purposeOf(entry)]
    case 'presentation':
      return [
        `${OUTCOMES[entry.outcome]} ${plain(entry.verifierName)}`,
        ...purposeOf(entry),
        ...entry.credentials.map(
          ({ vct, claims }) =>
            `${plain(vct)}: ${claims.length === 0 ? 'no claim' : plain(claims.join(', '), 2000)}`,
        ),
      ]
  }
}

const OUTCOMES = {
  intended: 'may have shown to (interrupted)',
  delivered: 'showed to',
  failed: 'tried to show to',
} as const

function purposeOf({ purpose }: { readonly purpose?: string }): string[] {
  return purpose === undefined ? [] : [`purpose: ${plain(purpose)}`]
}
