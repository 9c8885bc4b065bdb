import type { Command, Option } from 'commander'
import { OperatorError } from '../operator-error.ts'
import type { ConfigChoice } from '../tenant/choice.ts'
import { type Check, examine, type NamedFinding } from './finding.ts'

/** What the command needs of a program. */
export interface DoctorWorld {
  readonly print: (line: string) => void
  /** What is to be looked at under a configuration. @throws OperatorError when it cannot be read */
  readonly checks: (configFile: ConfigChoice, given: { offline: boolean }) => readonly Check[]
}

const MARK = { ok: 'ok   ', weak: 'weak ', wrong: 'WRONG' } as const

/** Adds `doctor` to a program. */
export function addDoctor(root: Command, world: DoctorWorld, configOption: () => Option): void {
  root
    .command('doctor')
    .description('look at everything that serving needs, and say what to do where it is not so')
    .addOption(configOption())
    .option('--offline', 'ask nobody over the network', false)
    .option('--json', 'a line of JSON for each finding', false)
    .action(async (given: { config?: ConfigChoice; offline: boolean; json: boolean }) => {
      const findings = await examine(world.checks(given.config, given))
      for (const finding of findings) {
        for (const line of given.json ? [JSON.stringify(finding)] : lines(finding)) {
          world.print(line)
        }
      }
      const wrong = findings.filter(({ verdict }) => verdict === 'wrong').length
      if (wrong > 0) {
        throw new OperatorError('examination_failed', `${wrong} of ${findings.length} are wrong`)
      }
    })
}

function lines(finding: NamedFinding): string[] {
  const { verdict, check, message } = finding
  const told = `${MARK[verdict]}  ${check}: ${message}`
  return verdict === 'ok' ? [told] : [told, `       do: ${finding.remedy}`]
}
