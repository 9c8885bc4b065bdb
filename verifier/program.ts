import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { addApiKeys } from '../shared/api-key/commands.ts'
import { addBackup } from '../shared/backup/commands.ts'
import { addDoctor } from '../shared/doctor/commands.ts'
import { OperatorError } from '../shared/operator-error.ts'
import type { ConfigChoice } from '../shared/tenant/choice.ts'
import { addTenants } from '../shared/tenant/commands.ts'
import { addWebhooks } from '../shared/webhook/commands.ts'
import { makeApiKey, makeLogKey } from './commands/keys.ts'
import { checkPolicy } from './commands/policy.ts'
import { verifyReceiptFile } from './commands/receipt.ts'
import { makeRequest } from './commands/request.ts'
import { readResult } from './commands/result.ts'
import type { World } from './world.ts'

/** Runs one command line and answers the exit status. What the operator cannot mend is a defect and keeps its stack. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  try {
    let status = 0
    const done = (code: number): void => {
      status = code
    }
    await program(world, done).parseAsync(argv, { from: 'user' })
    return status
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
    if (!(thrown instanceof OperatorError)) throw thrown
    world.note(`carnet-verifier: ${thrown.message}`)
    if (thrown.hint !== undefined) world.note(`carnet-verifier: hint: ${thrown.hint}`)
    return thrown.exitCode
  }
}

function program(world: World, done: (status: number) => void): Command {
  const root = new Command('carnet-verifier')
    .description(
      'Asks workers for what a policy needs, verifies what they present, and keeps a receipt.',
    )
    .version('0.1.0')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.print(text.trimEnd()),
      writeErr: (text) => world.note(text.trimEnd()),
      outputError: (text, write) => write(`carnet-verifier: ${text.replace(/^error: /, '')}`),
    })
    .showHelpAfterError('carnet-verifier: hint: carnet-verifier --help')
    .addHelpText(
      'after',
      `
Example:
  carnet-verifier keys log --out log-key.pem
  carnet-verifier serve --config verifier.json
  carnet-verifier keys add --config verifier.json --role platform --name backend
  carnet-verifier request --url http://127.0.0.1:4200
  carnet-verifier result REQUEST_ID --url http://127.0.0.1:4200 --wait 120 --receipt receipt.json
  carnet-verifier receipt verify receipt.json --trust-signer signer.jwk.json

The platform key is taken from CARNET_PLATFORM_KEY.
Exit status: 0 done or accepted, 2 wrong usage, 3 answered and not accepted, 4 not answered yet, 5 refused by the
wallet or expired, 6 the receipt does not hold, 78 wrong configuration, 1 anything else.`,
    )
  root
    .command('serve')
    .description('serve platforms and wallets until told to stop')
    .addOption(configOption())
    .action((given: { config?: ConfigChoice }) => world.serve(given.config))
  root
    .command('request')
    .description('ask for a presentation and print the link for the wallet')
    .requiredOption('--url <URL>', 'where the verifier is')
    .option('--policy <ID>', 'another policy than the verifier’s default')
    .option(
      '--redirect-uri <URL>',
      'where the browser comes back to, for a wallet on the same device',
    )
    .option('--json', 'print everything as JSON', false)
    .action((given: { url: string; policy?: string; redirectUri?: string; json: boolean }) =>
      makeRequest(world, given),
    )
  root
    .command('result')
    .description('print what came of a request')
    .argument('<REQUEST_ID>')
    .requiredOption('--url <URL>', 'where the verifier is')
    .option('--wait <SECONDS>', 'wait this long for an answer', wholeNumber, 0)
    .option('--response-code <CODE>', 'the code that the browser brought back, same device only')
    .option('--receipt <FILE>', 'also write the receipt and all it rests on to a new file')
    .option('--json', 'print everything as JSON', false)
    .action(
      async (
        id: string,
        given: {
          url: string
          wait: number
          responseCode?: string
          receipt?: string
          json: boolean
        },
      ) => done(await readResult(world, id, given)),
    )
  root
    .command('receipt')
    .description('work with receipts')
    .command('verify')
    .description('verify a receipt file again, without a network')
    .argument('<FILE>')
    .requiredOption('--trust-signer <FILE>', 'public key (JWK) that signs the trust list')
    .action(async (file: string, given: { trustSigner: string }) =>
      done(verifyReceiptStatus(await verifyReceiptFile(world, file, given))),
    )
  root
    .command('policy')
    .description('work with policies')
    .command('check')
    .description(
      'read a policy file as the server would, and say what it asks for and what can come of it',
    )
    .argument('<FILE>')
    .action((file: string) => checkPolicy(world, file))
  addBackup(root, world, configOption)
  addDoctor(root, world, configOption)
  const keys = root.command('keys').description('make, rotate and end keys')
  addApiKeys(keys, world, { roles: ['platform'], configOption })
  keys
    .command('api')
    .description(
      'print a new platform key, and the digest of it that apiKeys of the configuration takes',
    )
    .action(() => makeApiKey(world))
  keys
    .command('log')
    .description('make the key that signs the audit log')
    .requiredOption('--out <FILE>', 'a file that is not there yet')
    .action((given: { out: string }) => makeLogKey(world, given))
  addWebhooks(root, world, configOption)
  addTenants(root)
  return root
}

function configOption(): Option {
  return new Option(
    '--config <FILE>',
    'the configuration, JSON; CARNET_VERIFIER_… variables go over it',
  )
}

function verifyReceiptStatus(holds: boolean): number {
  return holds ? 0 : 6
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('a whole number of seconds')
  return Number(text)
}
