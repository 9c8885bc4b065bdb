import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { addAccounts } from '../shared/account/commands.ts'
import type { KeyRole } from '../shared/api-key/api-key.ts'
import { addApiKeys } from '../shared/api-key/commands.ts'
import { addBackup } from '../shared/backup/commands.ts'
import { parseDateTime } from '../shared/clock.ts'
import { addDoctor } from '../shared/doctor/commands.ts'
import { OperatorError } from '../shared/operator-error.ts'
import type { ConfigChoice } from '../shared/tenant/choice.ts'
import { addTenants } from '../shared/tenant/commands.ts'
import type { TrustRole } from '../shared/trust/role.ts'
import { addWebhooks } from '../shared/webhook/commands.ts'
import { blockFace, forgetFace, listBlockedFaces, unblockFace } from './commands/faces.ts'
import { makeLogKey, printLogVerifierKey } from './commands/keys.ts'
import { checkLog, exportLogFiles, printRules, pruneLogFiles } from './commands/log.ts'
import { certifyKey, initPki, renewTrustList } from './commands/pki.ts'
import {
  decideReview,
  eraseSession,
  listReviews,
  revokeSession,
  showReview,
} from './commands/review.ts'
import {
  changeOne,
  confirmBulk,
  listNotices,
  markTold,
  previewBulk,
  printTimeliness,
  releaseHold,
  withdrawOne,
} from './commands/status.ts'
import { copyStore } from './commands/store.ts'
import { PKI_ROLES } from './pki/development-pki.ts'
import { type CredentialStatus, REASON_CLASSES, type ReasonClass } from './status/status.ts'
import type { World } from './world.ts'

const KEY_ROLES: readonly KeyRole[] = ['reviewer', 'operator', 'platform', 'regulator']

/** Runs one command line and answers the exit status. What the operator cannot mend is a defect and keeps its stack. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  try {
    await program(world).parseAsync(argv, { from: 'user' })
    return 0
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
    if (!(thrown instanceof OperatorError)) throw thrown
    world.note(`carnet-issuer: ${thrown.message}`)
    if (thrown.hint !== undefined) world.note(`carnet-issuer: hint: ${thrown.hint}`)
    return thrown.exitCode
  }
}

function program(world: World): Command {
  const root = new Command('carnet-issuer')
    .description('Verifies a person once and issues credentials that the person carries.')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.print(text.trimEnd()),
      writeErr: (text) => world.note(text.trimEnd()),
      outputError: (text, write) => write(`carnet-issuer: ${text.replace(/^error: /, '')}`),
    })
    .showHelpAfterError('carnet-issuer: hint: carnet-issuer --help')
    .addHelpText(
      'after',
      `
Example:
  carnet-issuer pki init --dir pki
  carnet-issuer pki certify --dir pki --role attestation --name "Example issuer" \\
    --uri http://127.0.0.1:4100 --dns localhost --out issuer
  carnet-issuer keys log --out issuer/log-key.pem
  carnet-issuer serve --config issuer/config.json
  carnet-issuer keys add --config issuer/config.json --role reviewer --name ada
  CARNET_REVIEWER_KEY=… carnet-issuer review list --url http://127.0.0.1:4100

Keys are taken from CARNET_REVIEWER_KEY and CARNET_OPERATOR_KEY.
Exit status: 0 done, 2 wrong usage, 78 wrong configuration, 1 anything else.`,
    )
  root
    .command('serve')
    .description('serve workers, wallets, verifiers and regulators until told to stop')
    .addOption(configOption())
    .action((given: { config?: ConfigChoice }) => world.serve(given.config))
  addPki(root, world)
  addKeys(root, world)
  addReviews(root, world)
  addStatus(root, world)
  addLog(root, world)
  addStore(root, world)
  addFaces(root, world)
  addBackup(root, world, configOption)
  addDoctor(root, world, configOption)
  addWebhooks(root, world, configOption)
  addAccounts(root, world, configOption)
  addTenants(root)
  return root
}

function addPki(root: Command, world: World): void {
  const pki = root.command('pki').description('make certificates for development, in files')
  const dir = () => new Option('--dir <FOLDER>', 'the folder of the PKI').makeOptionMandatory()
  pki
    .command('init')
    .description('make an authority for each role, and a signed trust list that names them')
    .addOption(dir())
    .option('--sandbox', 'mark the trust list as that of a sandbox', false)
    .action((given: { dir: string; sandbox: boolean }) => initPki(world, given))
  pki
    .command('certify')
    .description('make a key and certify it for a role')
    .addOption(dir())
    .addOption(
      new Option('--role <ROLE>', 'what it may be used for')
        .choices([...PKI_ROLES])
        .makeOptionMandatory(),
    )
    .requiredOption('--name <NAME>', 'whose it is')
    .option('--uri <URL>', 'an address that it is bound to, may be repeated', collect, [])
    .option('--dns <HOST>', 'a host that it is bound to, may be repeated', collect, [])
    .requiredOption('--out <FOLDER>', 'where key.pem and chain.pem go')
    .option('--pkcs11-module <FILE>', 'make the key on a token of this module, not in a file')
    .option('--pkcs11-token <LABEL>', 'the token; CARNET_PKCS11_PIN has its PIN', 'carnet')
    .option('--pkcs11-label <LABEL>', 'the label of the key', 'attestation')
    .action(
      ({
        pkcs11Module: module,
        pkcs11Token: token,
        pkcs11Label: label,
        ...given
      }: {
        dir: string
        role: TrustRole
        name: string
        uri: string[]
        dns: string[]
        out: string
        pkcs11Module?: string
        pkcs11Token: string
        pkcs11Label: string
      }) =>
        certifyKey(world, {
          ...given,
          ...(module === undefined ? {} : { token: { pkcs11: { module, token, label } } }),
        }),
    )
  pki
    .command('trust-list')
    .description('sign the trust list again, with the next sequence number')
    .addOption(dir())
    .action((given: { dir: string }) => renewTrustList(world, given))
}

function addKeys(root: Command, world: World): void {
  const keys = root.command('keys').description('make, rotate and end keys')
  addApiKeys(keys, world, { roles: KEY_ROLES, configOption })
  keys
    .command('log')
    .description('make the key that signs the audit log')
    .requiredOption('--out <FILE>', 'a file that is not there yet')
    .action((given: { out: string }) => makeLogKey(world, given))
  keys
    .command('vkey')
    .description('print the verifier key of the audit log, which carnet-audit takes')
    .addOption(configOption())
    .action((given: { config?: ConfigChoice }) => printLogVerifierKey(world, given))
}

function addLog(root: Command, world: World): void {
  const log = root.command('log').description('look after the audit log')
  log
    .command('fsck')
    .alias('check')
    .description('hash all of it again and compare with what was signed')
    .addOption(configOption())
    .option('--out <FOLDER>', 'a copy that export wrote, instead of the database')
    .action((given: { config?: ConfigChoice; out?: string }) => checkLog(world, given))
  log
    .command('rules')
    .description('print every workflow and rulebook that was in force, with what opens its leaf')
    .addOption(configOption())
    .action((given: { config?: ConfigChoice }) => printRules(world, given))
  log
    .command('export')
    .description('write it as static files for a web server')
    .addOption(configOption())
    .requiredOption('--out <FOLDER>', 'where /log is served from, without its prefix')
    .action((given: { config?: ConfigChoice; out: string }) => exportLogFiles(world, given))
  log
    .command('prune')
    .description('remove partial tiles from a copy that full ones have replaced, then check it')
    .addOption(configOption())
    .requiredOption('--out <FOLDER>', 'a copy that export wrote')
    .action((given: { config?: ConfigChoice; out: string }) => pruneLogFiles(world, given))
}

function addStore(root: Command, world: World): void {
  root
    .command('store')
    .description('look after the database')
    .command('copy')
    .description('move everything of a stopped issuer to an empty PostgreSQL database')
    .requiredOption('--from <sqlite:PATH>', 'the file')
    .requiredOption('--to <postgres://…>', 'the database; PGPASSWORD may have its password')
    .action((given: { from: string; to: string }) => copyStore(world, given))
}

function addFaces(root: Command, world: World): void {
  const faces = root
    .command('faces')
    .description('look after the faces that are kept for searching')
  faces
    .command('forget')
    .description('remove the face of a session before its time')
    .argument('<SESSION_ID>')
    .addOption(configOption())
    .action((id: string, given: { config?: ConfigChoice }) => forgetFace(world, id, given))
  faces
    .command('block')
    .description('put the face in a picture on the blocklist; the picture is not kept')
    .argument('<IMAGE>', 'JPEG, PNG or WebP with one face')
    .requiredOption('--name <NAME>', 'what reviewers see, such as the number of a case', caseName)
    .option('--days <N>', 'how long it stays, as long as faces of sessions unless said', days)
    .addOption(configOption())
    .action((image: string, given: { config?: ConfigChoice; name: string; days?: number }) =>
      blockFace(world, image, given),
    )
  faces
    .command('unblock')
    .description('take a face off the blocklist')
    .argument('<NAME>', 'what it was put there under', caseName)
    .addOption(configOption())
    .action((name: string, given: { config?: ConfigChoice }) => unblockFace(world, name, given))
  faces
    .command('blocklist')
    .description('print the names on the blocklist')
    .addOption(configOption())
    .action((given: { config?: ConfigChoice }) => listBlockedFaces(world, given))
}

function addReviews(root: Command, world: World): void {
  const review = root.command('review').description('decide what was referred to a person')
  review
    .command('list')
    .description('print the sessions that wait')
    .addOption(urlOption())
    .action((given: { url: string }) => listReviews(world, given))
  review
    .command('show')
    .description('print what a decision followed from')
    .argument('<SESSION_ID>')
    .addOption(urlOption())
    .action((id: string, given: { url: string }) => showReview(world, id, given))
  review
    .command('decide')
    .description('approve or reject, with a reason')
    .argument('<SESSION_ID>')
    .addOption(
      new Option('--outcome <OUTCOME>', 'the decision')
        .choices(['approve', 'reject'])
        .makeOptionMandatory(),
    )
    .requiredOption('--reason <TEXT>', 'why; it is kept and can be contested')
    .addOption(urlOption())
    .action((id: string, given: { url: string; outcome: 'approve' | 'reject'; reason: string }) =>
      decideReview(world, id, given),
    )
  root
    .command('sessions')
    .description('look after what is kept of people')
    .command('erase')
    .description('erase what is kept of the person of a session; the log stays as it is')
    .argument('<SESSION_ID>')
    .requiredOption('--reason <TEXT>', 'why; the log commits to it, and nothing keeps it')
    .addOption(urlOption())
    .action((id: string, given: { url: string; reason: string }) => eraseSession(world, id, given))
  root
    .command('revoke')
    .description('revoke every copy that was issued in a session')
    .argument('<SESSION_ID>')
    .addOption(reasonOption())
    .option('--note <TEXT>', 'for the file, seen by nobody outside')
    .option('--requested-at <TIME>', 'when it was asked for, now unless it was before', moment)
    .option('--held-by <WHO>', 'who asked that the holder not be told yet')
    .option('--emergency', 'publish at once, which everybody can see', false)
    .addOption(urlOption())
    .action((id: string, given: Parameters<typeof revokeSession>[2]) =>
      revokeSession(world, id, given),
    )
}

function addStatus(root: Command, world: World): void {
  const status = root.command('status').description('change statuses of copies, and tell holders')
  const to = () =>
    new Option('--to <STATUS>', 'what the list will say')
      .choices(['valid', 'suspended', 'revoked'])
      .makeOptionMandatory()
  status
    .command('change')
    .description('change one copy')
    .requiredOption('--list <URI>', 'the list that its credential names')
    .requiredOption('--index <N>', 'its index there', wholeNumber)
    .addOption(to())
    .addOption(reasonOption())
    .option('--requested-at <TIME>', 'when it was asked for, now unless it was before', moment)
    .option('--until <TIME>', 'when a suspension ends by itself', moment)
    .option('--held-by <WHO>', 'who asked that the holder not be told yet')
    .option('--emergency', 'publish at once, which everybody can see', false)
    .addOption(urlOption())
    .action((given: Parameters<typeof changeOne>[1]) => changeOne(world, given))
  status
    .command('withdraw')
    .description('take a change back that is not published yet')
    .argument('<CHANGE>', 'its number', wholeNumber)
    .addOption(urlOption())
    .action((event: number, given: { url: string }) => withdrawOne(world, event, given))
  const bulk = status.command('bulk').description('change many copies, with a second person')
  bulk
    .command('preview')
    .description('propose it and print what it would do')
    .argument('<FILE>', 'a line for each copy: the address of the list, a space, the index')
    .addOption(to())
    .addOption(reasonOption())
    .addOption(urlOption())
    .action(
      (file: string, given: { url: string; to: CredentialStatus; reasonClass: ReasonClass }) =>
        previewBulk(world, file, given),
    )
  bulk
    .command('confirm')
    .description('carry out what somebody else proposed')
    .argument('<BULK>', 'its identifier')
    .requiredOption('--sha256 <DIGEST>', 'of the preview that you have seen')
    .option('--emergency', 'publish at once, which everybody can see', false)
    .addOption(urlOption())
    .action((id: string, given: { url: string; sha256: string; emergency: boolean }) =>
      confirmBulk(world, id, given),
    )
  status
    .command('notices')
    .description('print which holders to tell, in words that they may see')
    .addOption(urlOption())
    .action((given: { url: string }) => listNotices(world, given))
  status
    .command('told')
    .description('note that the holder was told')
    .argument('<CHANGE>', 'its number', wholeNumber)
    .addOption(urlOption())
    .action((event: number, given: { url: string }) => markTold(world, event, given))
  status
    .command('release')
    .description('end a legal hold, so that the holder is told next')
    .argument('<CHANGE>', 'its number', wholeNumber)
    .addOption(urlOption())
    .action((event: number, given: { url: string }) => releaseHold(world, event, given))
  status
    .command('timeliness')
    .description('print how long changes took until they were published and the holder was told')
    .requiredOption('--from <TIME>', 'decided at this time or later', moment)
    .requiredOption('--to <TIME>', 'decided before this time', moment)
    .addOption(urlOption())
    .action((given: { url: string; from: number; to: number }) => printTimeliness(world, given))
}

function urlOption(): Option {
  return new Option('--url <URL>', 'where the issuer is').default('http://127.0.0.1:4100')
}

function reasonOption(): Option {
  return new Option('--reason-class <CLASS>', 'why; the public lists do not tell')
    .choices([...REASON_CLASSES])
    .makeOptionMandatory()
}

function wholeNumber(text: string): number {
  if (!/^(0|[1-9]\d{0,11})$/.test(text)) throw new InvalidArgumentError('a whole number')
  return Number(text)
}

function caseName(text: string): string {
  if (!/^[\w.-]{1,64}$/.test(text)) throw new InvalidArgumentError('letters, digits, . _ -')
  return text
}

function days(text: string): number {
  const given = wholeNumber(text)
  if (given < 1 || given > 3650) throw new InvalidArgumentError('1 to 3650')
  return given
}

/** Seconds since 1970, or a UTC date-time. */
function moment(text: string): number {
  const at = /^(0|[1-9]\d{0,11})$/.test(text) ? Number(text) : parseDateTime(text)
  if (at === undefined) throw new InvalidArgumentError('seconds, or 2026-07-01T00:00:00Z')
  return at
}

function configOption(): Option {
  return new Option(
    '--config <FILE>',
    'the configuration, JSON; CARNET_ISSUER_… variables go over it',
  )
}

function collect(value: string, values: readonly string[]): string[] {
  return [...values, value]
}
