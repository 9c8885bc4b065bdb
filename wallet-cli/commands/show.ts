import { toDateTime } from '../../shared/clock.ts'
import { isJsonObject, type Json, type JsonObject } from '../../shared/json.ts'
import { SdJwtError } from '../../shared/sd-jwt/error.ts'
import { parseSdJwtJson } from '../../shared/sd-jwt/json-serialization.ts'
import { holdSdJwt } from '../../shared/sd-jwt/present.ts'
import { WalletError } from '../error.ts'
import { compareClaims, TECHNICAL_CLAIMS } from '../presentation/claim-words.ts'
import { jsonLine, plain, wrap } from '../text.ts'
import { isFree } from '../vault/copy.ts'
import type { HeldCredential } from '../vault/vault.ts'
import type { CommonOptions, World } from '../world.ts'
import { heldCredential } from './held-credential.ts'
import { withVault } from './with-vault.ts'

const MAX_CREDENTIAL = 1 << 20

/** What `show` was told. */
export interface ShowOptions extends CommonOptions {
  readonly what: string | undefined
  readonly json: boolean
}

/** Shows the claims of a held credential, or of one in a file, which is not verified. */
export async function show(world: World, options: ShowOptions): Promise<void> {
  const { terminal } = world
  const { what } = options
  if (what !== undefined && world.isFile(what)) {
    const text = Buffer.from(await world.readFile(what, MAX_CREDENTIAL))
      .toString()
      .trim()
    if (!options.json)
      terminal.note('carnet-wallet: this is what the file says; nothing was verified')
    print(world, options, await claimsOfFile(text))
    return
  }
  await withVault(world, options, async (vault) => {
    const held = await heldCredential(vault, what)
    if (!options.json) {
      for (const line of wrap(
        `${plain(held.vct)} from ${plain(held.issuerName)}`,
        terminal.width,
      )) {
        terminal.print(line)
      }
    }
    print(world, options, claimsOf((held.copies[0] as { compact: string }).compact))
    if (options.json) return
    for (const [index, copy] of held.copies.entries()) {
      for (const line of wrap(`copy ${index + 1}: ${copyText(copy)}`, terminal.width))
        terminal.print(line)
    }
  })
}

function copyText(copy: HeldCredential['copies'][number]): string {
  const { verifier, verifierName, shownAt } = copy
  if (verifier === undefined) {
    return isFree(copy) ? 'fresh' : 'retired: it may have been shown before the vault was restored'
  }
  return `for ${plain(verifierName ?? verifier)} alone, first shown ${toDateTime(shownAt ?? 0)}`
}

/** Our own format strictly; any other as far as it can be read. The recogniser is large and loaded when it is needed. */
async function claimsOfFile(text: string): Promise<JsonObject> {
  try {
    return holdSdJwt(isJsonSerialized(text) ? compactOf(text) : text).claims
  } catch (cause) {
    if (!(cause instanceof SdJwtError)) throw cause
    const { recogniseCredential } = await import('../format/recognise.sphereon.ts')
    const recognised = recogniseCredential(text)
    if (!recognised) {
      throw new WalletError('credential_invalid', 'that is not a credential that can be read', {
        cause,
      })
    }
    const { format, types, issuer, claims } = recognised
    return { format, type: types, ...(issuer === undefined ? {} : { issuer }), ...claims }
  }
}

/** RFC 9901 §8: an SD-JWT may come in a JSON serialization of JWS; a linked-data credential has no `payload`. */
function isJsonSerialized(text: string): boolean {
  return text.startsWith('{') && text.includes('"payload"')
}

function compactOf(text: string): string {
  const { issuerJwt, disclosures } = parseSdJwtJson(text)
  return [issuerJwt, ...disclosures, ''].join('~')
}

function claimsOf(text: string): JsonObject {
  try {
    return holdSdJwt(text).claims
  } catch (cause) {
    if (!(cause instanceof SdJwtError)) throw cause
    throw new WalletError('credential_invalid', `that is not an SD-JWT: ${cause.message}`, {
      cause,
    })
  }
}

function print({ terminal }: World, { json }: ShowOptions, claims: JsonObject): void {
  if (json) terminal.print(jsonLine(claims))
  else for (const line of render(forReading(claims), terminal.width, '')) terminal.print(line)
}

/** What concerns the holder first; keys and list indexes differ from copy to copy and are for `--json`. */
function forReading(claims: JsonObject): JsonObject {
  const entries = Object.entries(claims).filter(([name]) => !NOT_FOR_READING.has(name))
  const technical = ([name]: readonly [string, Json]) => TECHNICAL_CLAIMS.has(name)
  return Object.fromEntries([
    ...entries.filter((entry) => !technical(entry)).sort(([a], [b]) => compareClaims([a], [b])),
    ...entries.filter(technical),
  ])
}

const NOT_FOR_READING = new Set(['cnf', 'status', 'jti', 'vct#integrity'])

/** One claim a line, what belongs together indented below its name. */
function render(claims: JsonObject, width: number, indent: string): string[] {
  return Object.entries(claims).flatMap(([name, value]) => {
    const label = plain(name)
    if (isJsonObject(value)) return [`${indent}${label}:`, ...render(value, width, `${indent}  `)]
    return wrap(`${label}: ${valueText(name, value)}`, width, indent)
  })
}

const TIMES = new Set(['iat', 'nbf', 'exp', 'time'])

function valueText(name: string, value: Json): string {
  if (typeof value === 'number' && TIMES.has(name) && Number.isSafeInteger(value)) {
    return Math.abs(value) < 8e12 ? toDateTime(value) : String(value)
  }
  if (typeof value === 'string') {
    return value.startsWith('data:') ? '(an image)' : plain(value, 500)
  }
  if (Array.isArray(value)) return value.map((element) => valueText(name, element)).join(', ')
  return plain(JSON.stringify(value), 500)
}
