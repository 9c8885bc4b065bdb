import { toDateTime } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import { readSdJwtVc } from '../../shared/sd-jwt/vc.ts'
import { createStatusListCache } from '../../shared/status-list/cache.ts'
import { resolveStatus, type StatusVerdict } from '../../shared/status-list/resolve.ts'
import { exchange, isMediaType } from '../http.ts'
import { jsonLine, plain, wrap } from '../text.ts'
import { currentTrust, type Trust } from '../trust.ts'
import type { HeldCredential } from '../vault/vault.ts'
import type { CommonOptions, World } from '../world.ts'
import { heldCredential } from './held-credential.ts'
import { withVault } from './with-vault.ts'

const MEDIA_TYPE = 'application/statuslist+jwt'
/** An older list says nothing of today. */
const MAX_STALENESS = 86_400

type CopyVerdict = StatusVerdict | { readonly verdict: 'no_status' }

/** Asks the status lists what they say of each copy. Whoever serves a list learns that somebody asked, not for whom. */
export async function status(
  world: World,
  options: CommonOptions & { readonly id: string | undefined; readonly json: boolean },
): Promise<void> {
  const { terminal } = world
  await withVault(world, options, async (vault) => {
    const trust = await currentTrust(world, vault, options)
    const wanted =
      options.id === undefined
        ? await vault.credentials()
        : [await heldCredential(vault, options.id)]
    if (wanted.length === 0 && !options.json) terminal.note('you hold nothing yet')
    const cache = createStatusListCache()
    for (const held of wanted) {
      if (!options.json) terminal.print(`${held.id}  ${plain(held.vct)}`)
      for (const [index, { compact }] of held.copies.entries()) {
        const found = await statusOf(compact, held, {
          fetch: world.network(options),
          trust,
          cache,
          now: world.clock(),
        })
        if (options.json) {
          const { token, ...verdict } = { token: undefined, ...found }
          terminal.print(jsonLine({ credential: held.id, copy: index + 1, ...verdict }))
        } else {
          for (const line of wrap(`copy ${index + 1}: ${words(found)}`, terminal.width, '    ')) {
            terminal.print(line)
          }
        }
      }
    }
  })
}

async function statusOf(
  compact: string,
  { expires }: HeldCredential,
  {
    fetch,
    trust,
    cache,
    now,
  }: {
    readonly fetch: Fetch
    readonly trust: Trust
    readonly cache: ReturnType<typeof createStatusListCache>
    readonly now: number
  },
): Promise<CopyVerdict> {
  const reference = readSdJwtVc(compact).status
  if (!reference) return { verdict: 'no_status' }
  return resolveStatus(reference, {
    fetchToken: (uri) => fetchToken(fetch, uri),
    anchors: trust.anchors,
    now,
    cache,
    maxStalenessSeconds: MAX_STALENESS,
    ...(expires === undefined ? {} : { credentialExpires: expires }),
  })
}

/** Token Status List §8.1. Any answer but 200 of the right type counts as no answer. */
async function fetchToken(fetch: Fetch, uri: string): Promise<string> {
  const answer = await exchange(fetch, uri, { headers: { accept: MEDIA_TYPE } })
  if (answer.status !== 200 || !isMediaType(answer, MEDIA_TYPE)) {
    throw new Error('no status list token')
  }
  return answer.body
}

const WORDS = {
  valid: 'valid',
  suspended: 'suspended: it is not taken for now',
  revoked: 'revoked: it is never taken again',
  undetermined: 'cannot be told',
  no_status: 'has no status: it is valid until it expires',
} as const

function words(found: CopyVerdict): string {
  const { reason, iat } = { reason: undefined, iat: undefined, ...found }
  const because = reason === undefined ? '' : ` (${reason})`
  const since = iat === undefined ? '' : `, says the list of ${toDateTime(iat)}`
  return `${WORDS[found.verdict]}${because}${since}`
}
