import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { OperatorError } from '../shared/operator-error.ts'
import { backup, changePassphrase, restore } from './commands/backup.ts'
import { forget } from './commands/forget.ts'
import { init } from './commands/init.ts'
import { journal } from './commands/journal.ts'
import { list } from './commands/list.ts'
import { present } from './commands/present.ts'
import { receive } from './commands/receive.ts'
import { show } from './commands/show.ts'
import { status } from './commands/status.ts'
import { trust } from './commands/trust.ts'
import { WalletError } from './error.ts'
import type { CommonOptions, World } from './world.ts'

/** Runs one command line and answers the exit status. What the worker cannot mend is a defect and keeps its stack. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  const { terminal } = world
  try {
    await program(world).parseAsync(argv, { from: 'user' })
    return 0
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
    if (!(thrown instanceof WalletError || thrown instanceof OperatorError)) throw thrown
    terminal.note(`carnet-wallet: ${thrown.message}`)
    for (const hint of thrown.hint?.split('\n') ?? []) terminal.note(`carnet-wallet: hint: ${hint}`)
    return thrown instanceof WalletError ? thrown.exitStatus : thrown.exitCode
  }
}

function program(world: World): Command {
  const { terminal } = world
  const root = new Command('carnet-wallet')
    .description(
      'Carries your verified identity: receive it once, show what is asked, to whom you choose.',
    )
    .version('0.1.0')
    .exitOverride()
    .configureHelp({ helpWidth: terminal.width })
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
      outputError: (text, write) =>
        write(
          `carnet-wallet: ${text.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)/, ', did you mean $1?')}`,
        ),
    })
    .option('--vault <DIR>', 'the folder of the vault', world.defaultVault)
    .option('--allow-loopback', 'reach issuers and verifiers on this machine, for development')
    .showHelpAfterError('carnet-wallet: hint: carnet-wallet --help')
    .addHelpText(
      'after',
      `
Example:
  carnet-wallet init --trust-list https://issuer.example/trust-list \\
    --trust-signer signer.jwk.json
  carnet-wallet receive 'openid-credential-offer://?credential_offer_uri=...'
  carnet-wallet list
  carnet-wallet present 'haip-vp://?client_id=...&request_uri=...'

The passphrase is asked for, or taken from CARNET_WALLET_PASSPHRASE (and
CARNET_WALLET_NEW_PASSPHRASE, to change it).
CARNET_WALLET names another folder for the vault.

Exit status: 0 done, 2 wrong usage, 3 you declined, 4 vault, 5 wrong passphrase,
6 issuer or offer, 7 verifier or request, 8 nothing to show, 9 not reachable,
10 trust list, 130 interrupted, 1 anything else.`,
    )
  const options = (): CommonOptions => ({
    allowLoopback: false,
    ...root.opts<{ vault: string; allowLoopback?: true }>(),
  })

  root
    .command('init')
    .description('make a vault, sealed with a passphrase that you choose')
    .addOption(
      new Option('--trust-list <LOCATION>', 'file or https address of the signed trust list'),
    )
    .addOption(new Option('--trust-signer <FILE>', 'public key (JWK) that signs the trust list'))
    .addOption(
      new Option('--work-factor <LOG2N>', 'scrypt cost of guessing the passphrase')
        .argParser(wholeNumber(10, 22))
        .hideHelp(),
    )
    .action(async (given: { trustList?: string; trustSigner?: string; workFactor?: number }) => {
      await init(world, { ...options(), ...given })
    })

  root
    .command('trust')
    .description('show whom this wallet believes, or change it')
    .argument('[LOCATION]', 'file or https address of the signed trust list')
    .addOption(new Option('--signer <FILE>', 'public key (JWK) that signs the trust list'))
    .action(async (location: string | undefined, given: { signer?: string }) => {
      await trust(world, { ...options(), location, ...given })
    })

  root
    .command('receive')
    .description(
      'redeem a credential offer; without OFFER, go on with the one that was interrupted',
    )
    .argument('[OFFER]', 'the link, or the offer itself, in quotes')
    .addOption(new Option('--tx-code <CODE>', 'the code that the issuer gave you on another way'))
    .addOption(
      new Option('--copies <N>', 'how many verifiers can see it without recognising you by it')
        .argParser(wholeNumber(1, 100))
        .default(2),
    )
    .action(async (offer: string | undefined, given: { txCode?: string; copies: number }) => {
      await receive(world, { ...options(), offer, ...given })
    })

  root
    .command('list')
    .description('what you hold')
    .addOption(json())
    .action(async (given: { json?: true }) => {
      await list(world, { ...options(), json: false, ...given })
    })

  root
    .command('show')
    .description('the claims of a credential you hold, or of one in a file')
    .argument('[NAME]', 'its name from `list`, or a file; not needed when you hold just one')
    .addOption(json())
    .action(async (what: string | undefined, given: { json?: true }) => {
      await show(world, { ...options(), what, json: false, ...given })
    })

  root
    .command('present')
    .description('show what a verifier asks for, after you agreed')
    .argument('<REQUEST>', 'the link of the request, in quotes')
    .option('-y, --yes', 'agree beforehand, for scripts')
    .option('--show-portrait', 'agree beforehand that a portrait is shown')
    .action(async (request: string, given: { yes?: true; showPortrait?: true }) => {
      await present(world, { ...options(), request, yes: false, showPortrait: false, ...given })
    })

  root
    .command('status')
    .description('whether your credentials are still valid, by the public status lists')
    .argument('[NAME]', 'its name from `list`; all of them when left out')
    .addOption(json())
    .action(async (id: string | undefined, given: { json?: true }) => {
      await status(world, { ...options(), id, json: false, ...given })
    })

  root
    .command('journal')
    .description('what this wallet did: parties, claim names and times, never values')
    .addOption(json())
    .option('--erase', 'forget all of it')
    .action(async (given: { json?: true; erase?: true }) => {
      await journal(world, { ...options(), json: false, erase: false, ...given })
    })

  root
    .command('forget')
    .description('destroy a credential with its keys, for good')
    .argument('[NAME]', 'its name from `list`')
    .option('--unfinished', 'give up the offers that were not finished')
    .option('-y, --yes', 'agree beforehand, for scripts')
    .action(async (id: string | undefined, given: { unfinished?: true; yes?: true }) => {
      await forget(world, { ...options(), id, unfinished: false, yes: false, ...given })
    })

  root
    .command('backup')
    .description('write the whole vault to one file, sealed with its passphrase')
    .argument('<FILE>', 'a file that is not there yet')
    .action(async (file: string) => {
      await backup(world, { ...options(), file })
    })

  root
    .command('restore')
    .description('make a vault from a backup')
    .argument('<FILE>', 'what `backup` wrote')
    .option(
      '--nothing-shown-since',
      'the other wallet showed nothing after the backup: keep fresh copies',
    )
    .action(async (file: string, given: { nothingShownSince?: true }) => {
      await restore(world, { ...options(), file, nothingShownSince: false, ...given })
    })

  root
    .command('passphrase')
    .description('change the passphrase')
    .action(async () => {
      await changePassphrase(world, options())
    })

  return root
}

function json(): Option {
  return new Option('--json', 'for scripts: one JSON object a line')
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^[0-9]+$/.test(text) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`it is a whole number from ${least} to ${most}`)
  }
}
