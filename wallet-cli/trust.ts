import type { NumericDate } from '../shared/clock.ts'
import { JoseError } from '../shared/jose/error.ts'
import { parsePublicJwk } from '../shared/jose/jwk.ts'
import { jwkThumbprint } from '../shared/jose/thumbprint.ts'
import { JsonError, parseJsonBytes } from '../shared/json.ts'
import type { EcPublicJwk } from '../shared/key/signer.ts'
import { TrustError } from '../shared/trust/error.ts'
import type { AnchorsAt } from '../shared/trust/role.ts'
import {
  anchorsOf,
  checkSuccessor,
  type TrustList,
  verifyTrustList,
  verifyTrustListSignature,
} from '../shared/trust/trust-list.ts'
import { WalletError } from './error.ts'
import { exchange } from './http.ts'
import type { TrustSource, Vault } from './vault/vault.ts'
import type { World } from './world.ts'

/** A verified trust list, as the wallet uses it. */
export interface Trust {
  readonly source: TrustSource
  readonly list: TrustList
  readonly anchors: AnchorsAt
}

const MAX_TRUST_LIST = 4 << 20
const MAX_KEY_FILE = 1 << 16
/** A list is read again after an hour, so that an authority that was withdrawn is not believed for long. */
const REFRESH_SECONDS = 3600

/** Reads a public key from a JWK file. @throws WalletError `trust_list_invalid` */
export async function readSignerKey(world: World, path: string): Promise<EcPublicJwk> {
  try {
    return parsePublicJwk(parseJsonBytes(await world.readFile(path, MAX_KEY_FILE)))
  } catch (cause) {
    if (!(cause instanceof JoseError || cause instanceof JsonError)) throw cause
    throw new WalletError('trust_list_invalid', 'the signer file is not a public P-256 key (JWK)', {
      cause,
    })
  }
}

/**
 * Reads a trust list from a file or an address and verifies it under the signer's key.
 * @throws WalletError `trust_list_invalid`, `not_reachable`, `file_unusable`
 */
export async function fetchTrust(
  world: World,
  {
    location,
    signerKey,
    allowLoopback,
  }: {
    readonly location: string
    readonly signerKey: EcPublicJwk
    readonly allowLoopback: boolean
  },
): Promise<Trust> {
  const now = world.clock()
  const token = /^https?:\/\//i.test(location)
    ? await download(world, location, allowLoopback)
    : Buffer.from(await world.readFile(location, MAX_TRUST_LIST))
        .toString()
        .trim()
  return asTrust({ location, signerKey, token, fetchedAt: now }, now)
}

/**
 * The trust list of this vault: the stored one for an hour, else, or with `fresh`, read again and stored. Where it cannot
 * be read again, the stored one serves until its own next update is due; an older list never replaces a newer one.
 * @throws WalletError `trust_list_missing`, `trust_list_invalid`
 */
export async function currentTrust(
  world: World,
  vault: Vault,
  { allowLoopback, fresh = false }: { readonly allowLoopback: boolean; readonly fresh?: boolean },
): Promise<Trust> {
  const now = world.clock()
  const source = await vault.trust()
  if (!source) {
    throw new WalletError('trust_list_missing', 'this wallet believes nobody yet', {
      hint: 'carnet-wallet trust LOCATION --signer FILE',
    })
  }
  if (!fresh && now - source.fetchedAt < REFRESH_SECONDS) {
    const stored = valid(source, now)
    if (stored) return stored
  }
  try {
    const next = await fetchTrust(world, { ...source, allowLoopback })
    refuseOlder(source, next)
    await vault.keepTrust(next.source)
    return next
  } catch (cause) {
    const stored = cause instanceof WalletError ? valid(source, now) : undefined
    if (!stored) throw cause
    world.terminal.note(
      'carnet-wallet: the trust list could not be renewed; the stored one is used',
    )
    return stored
  }
}

async function download(world: World, location: string, allowLoopback: boolean): Promise<string> {
  const answer = await exchange(world.network({ allowLoopback }), location, {
    headers: { accept: 'application/jwt' },
  })
  if (answer.status !== 200) {
    throw new WalletError('not_reachable', `the trust list cannot be had (HTTP ${answer.status})`)
  }
  return answer.body.trim()
}

function asTrust(source: TrustSource, now: NumericDate): Trust {
  try {
    const list = verifyTrustList(source.token, { signerKey: source.signerKey, now })
    return { source, list, anchors: anchorsOf(list) }
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new WalletError('trust_list_invalid', `the trust list is not valid: ${cause.message}`, {
      cause,
      hint: 'ask whoever runs it for the current list and its signer key',
    })
  }
}

function valid(source: TrustSource, now: NumericDate): Trust | undefined {
  try {
    return asTrust(source, now)
  } catch {
    return undefined
  }
}

/** Lists of one signer go forward only, whoever hands them out. @throws WalletError `trust_list_invalid` */
export function refuseOlder(stored: TrustSource, next: Trust): void {
  const { signerKey, token } = next.source
  if (token === stored.token || jwkThumbprint(signerKey) !== jwkThumbprint(stored.signerKey)) return
  try {
    checkSuccessor(verifyTrustListSignature(stored.token, stored), next.list)
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new WalletError('trust_list_invalid', 'the trust list is older than the stored one', {
      cause,
    })
  }
}
