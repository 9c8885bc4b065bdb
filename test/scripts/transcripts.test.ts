import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { packageRoot } from '../../shared/package-root.ts'
import { type PeerIssuer, peerIssuer } from '../support/peer-issuer.ts'
import { type PeerVerifier, peerVerifier } from '../support/peer-verifier.ts'
import { NOW, testAuthority } from '../support/pki.ts'
import { type TestWallet, testWallet } from '../support/wallet.ts'

/**
 * Each `*.txt` here is a session at a terminal, word for word:
 *
 *     $ carnet-wallet ...     a command line; a word in braces stands for something that this run made
 *     < ...                   what is typed when asked, `yes` and `no` for a choice
 *     > ...                   standard output
 *     ! ...                   standard error
 *     [3]                     the exit status, where it is not 0
 *
 * With CARNET_UPDATE_TRANSCRIPTS the files are written anew, to be read before they are committed.
 */
const FOLDER = join(packageRoot, 'test/scripts')
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))

describe('the transcripts of carnet-wallet', () => {
  let issuer: PeerIssuer
  let verifiers: Record<'driver' | 'courier' | 'greedy' | 'stranger', PeerVerifier>
  let wallet: TestWallet
  let words: Map<string, string>

  beforeEach(async () => {
    issuer = await peerIssuer()
    const everything = [['document'], ['birthdate'], ['age_equal_or_over', '18']]
    verifiers = {
      driver: await peerVerifier(issuer.accessAuthority),
      courier: await peerVerifier(issuer.accessAuthority, { host: 'courier.example' }),
      greedy: await peerVerifier(issuer.accessAuthority, {
        host: 'greedy.example',
        purpose: '',
        query: {
          credentials: [
            {
              id: 'identity',
              format: 'dc+sd-jwt',
              meta: { vct_values: ['urn:carnet:identity:1'] },
              claims: everything.map((path) => ({ path })),
            },
          ],
        },
      }),
      stranger: await peerVerifier(await testAuthority('relying-party-access'), {
        host: 'stranger.example',
      }),
    }
    wallet = testWallet({
      now: NOW,
      fetch: async (input, init) => {
        for (const verifier of Object.values(verifiers)) {
          const answer = await verifier.fetch(input, init)
          if (answer.status !== 404) return answer
        }
        return issuer.fetch(input, init)
      },
    })
    const [list, signer] = [join(wallet.folder, 'list.jwt'), join(wallet.folder, 'signer.json')]
    writeFileSync(list, issuer.trustList)
    writeFileSync(signer, JSON.stringify(issuer.trustSigner))
    words = new Map([
      ['list', list],
      ['signer', signer],
      ['vault', join(wallet.folder, 'vault')],
      ['offer', issuer.offer],
      ['code', issuer.txCode],
      ...Object.entries(verifiers).map(([name, { link }]) => [name, link] as const),
    ])
  })
  afterEach(() => wallet.dispose())

  it('are there', () => expect(files).not.to.deep.equal([]))

  for (const file of files) {
    it(`says what ${file} says`, async () => {
      const path = join(FOLDER, file)
      const expected = readFileSync(path, 'utf8')
      let actual = ''
      for (const { comment, command, answers } of commandsOf(expected)) {
        const argv = command.split(' ').map((word) => substitute(word, words))
        const typed = answers?.map((answer) =>
          answer === 'yes' || answer === 'no' ? answer === 'yes' : substitute(answer, words),
        )
        const { status, out, err } = await wallet.run(argv.slice(1), typed)
        const name = /its name here is (\S+)/.exec(out)?.[1]
        if (name !== undefined) words.set('name', name)
        actual += `${comment}$ ${command}\n`
        for (const answer of answers ?? []) actual += `< ${answer}\n`
        actual += quoted('!', restore(err, words)) + quoted('>', restore(out, words))
        if (status !== 0) actual += `[${status}]\n`
      }
      if (process.env.CARNET_UPDATE_TRANSCRIPTS !== undefined) writeFileSync(path, actual)
      else expect(actual).to.equal(expected)
    })
  }
})

interface Command {
  /** What stands above the command. */
  readonly comment: string
  readonly command: string
  readonly answers: readonly string[] | undefined
}

function commandsOf(text: string): Command[] {
  const commands: Command[] = []
  let comment = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line === '') comment += `${line}\n`
    if (line.startsWith('$ ')) {
      commands.push({ comment, command: line.slice(2), answers: undefined })
      comment = ''
    }
    const last = commands.at(-1)
    if (line.startsWith('< ') && last) {
      commands[commands.length - 1] = { ...last, answers: [...(last.answers ?? []), line.slice(2)] }
    }
  }
  return commands
}

function substitute(word: string, words: ReadonlyMap<string, string>): string {
  return word.replace(/\{(\w+)\}/g, (whole, name: string) => words.get(name) ?? whole)
}

function restore(text: string, words: ReadonlyMap<string, string>): string {
  let restored = text
  for (const [name, value] of words) restored = restored.replaceAll(value, `{${name}}`)
  return restored
}

function quoted(mark: string, text: string): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  return lines.map((line) => `${`${mark} ${line}`.trimEnd()}\n`).join('')
}
