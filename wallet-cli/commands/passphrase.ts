import { WalletError } from '../error.ts'
import type { World } from '../world.ts'

const SHORTEST = 8
const HINT = 'set CARNET_WALLET_PASSPHRASE'

/** The passphrase of the vault, from the environment or asked for. @throws WalletError `answer_needed` */
export async function askPassphrase({ passphrase: given, terminal }: World): Promise<string> {
  return given ?? terminal.ask({ message: 'Passphrase', hint: HINT, secret: true })
}

/**
 * A passphrase that is chosen now: the given one, or one that was typed twice.
 * @throws WalletError `usage_wrong`, `answer_needed`
 */
export async function newPassphrase(
  { terminal }: World,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) {
    const objection = tooShort(given)
    if (objection !== undefined) throw new WalletError('usage_wrong', objection)
    return given
  }
  const first = await terminal.ask({
    message: 'Choose a passphrase. Nobody can open the vault without it, and nobody can replace it',
    hint: HINT,
    secret: true,
    check: tooShort,
  })
  await terminal.ask({
    message: 'The same passphrase again',
    hint: HINT,
    secret: true,
    check: (again) => (again === first ? undefined : 'that is not the same'),
  })
  return first
}

function tooShort(passphrase: string): string | undefined {
  return passphrase.length < SHORTEST
    ? `the passphrase needs ${SHORTEST} characters or more; several words are best`
    : undefined
}
