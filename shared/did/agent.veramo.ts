import {
  createAgent,
  type IAgentContext,
  type IDIDManager,
  type IIdentifier,
  type IKey,
  type IKeyManager,
  type IResolver,
  type ManagedKeyInfo,
  type TAgent,
  type TKeyType,
} from '@veramo/core'
import { AbstractIdentifierProvider, DIDManager, MemoryDIDStore } from '@veramo/did-manager'
import { getDidKeyResolver } from '@veramo/did-provider-key'
import { DIDResolverPlugin } from '@veramo/did-resolver'
import { AbstractKeyManagementSystem, KeyManager, MemoryKeyStore } from '@veramo/key-manager'
import { bytesToMultibase, hexToBytes } from '@veramo/utils'
import { type DIDResolutionResult, type DIDResolver, Resolver } from 'did-resolver'
import { encodeBase64url } from '../base64url.ts'
import type { Fetch } from '../fetch.ts'
import { jwkThumbprint } from '../jose/thumbprint.ts'
import type { JsonObject } from '../json.ts'
import type { EcPublicJwk, Es256Signer } from '../key/signer.ts'
import { isDid, type ResolveDid } from './did.ts'
import { DidError } from './error.ts'
import { didJwk, resolveDidJwk, resolveDidWeb } from './methods.ts'

/** A DID of ours and how its key is named. */
export interface OwnDid {
  readonly did: string
  readonly keyId: string
}

/** Makes identifiers for keys that live behind a {@link Es256Signer} and resolves those of others. */
export interface DidAgent {
  /** The `did:key` or `did:jwk` of a signer's key, which the agent signs with from then on. */
  create(method: 'key' | 'jwk', signer: Es256Signer): Promise<OwnDid>
  /** Signs with the key of a DID that was made here: the raw 64 bytes, in base64url. */
  sign(did: string, data: Uint8Array): Promise<string>
  readonly resolve: ResolveDid
  /** The resolver in the form that did-jwt and did-jwt-vc take. */
  readonly resolver: Resolver
}

/**
 * A Veramo agent with our own parts where the stock ones do not fit: keys stay behind the Signer port and are never
 * seen by the agent, `did:key` is made for P-256 (the stock provider silently makes an Ed25519 key), `did:web` goes
 * through the caller's guarded fetch. `did:key` is resolved by `@veramo/did-provider-key`.
 */
export function createDidAgent({ fetch }: { fetch: Fetch }): DidAgent {
  const kms = new SignerKms()
  const resolver = new Resolver(
    {
      key: resolveDidKey,
      jwk: async (did) => asResult(() => resolveDidJwk(did)),
      web: async (did) => asResult(() => resolveDidWeb(did, fetch)),
    },
    { cache: false },
  )
  const agent: TAgent<IKeyManager & IDIDManager & IResolver> = createAgent({
    plugins: [
      new KeyManager({ store: new MemoryKeyStore(), kms: { [KMS]: kms } }),
      new DIDManager({
        store: new MemoryDIDStore(),
        defaultProvider: 'did:key',
        providers: {
          'did:key': new P256Provider(didKey),
          'did:jwk': new P256Provider(didJwk),
        },
      }),
      new DIDResolverPlugin({ resolver }),
    ],
  })
  return {
    async create(method, signer) {
      kms.adopt(signer)
      const options = { kid: jwkThumbprint(signer.publicJwk) }
      const { did } = await agent.didManagerCreate({
        provider: `did:${method}`,
        options,
      })
      return { did, keyId: method === 'key' ? keyIdOfDidKey(did) : keyIdOfDidJwk(did) }
    },
    async sign(did, data) {
      const { keys } = await agent.didManagerGet({ did })
      const [key] = keys
      if (!key) throw new DidError('key_not_found', 'there is no key for this DID')
      return agent.keyManagerSign({
        keyRef: key.kid,
        algorithm: 'ES256',
        data: Buffer.from(data).toString('base64'),
        encoding: 'base64',
      })
    },
    async resolve(did) {
      if (!isDid(did)) throw new DidError('malformed', 'DID is malformed')
      const { didDocument, didResolutionMetadata } = await agent.resolveDid({ didUrl: did })
      const { error, message } = didResolutionMetadata
      if (!didDocument) {
        const code = error === 'unsupportedDidMethod' ? 'method_not_supported' : 'not_resolved'
        throw new DidError(code, message ?? 'DID cannot be resolved')
      }
      return didDocument as unknown as JsonObject
    },
    resolver,
  }
}

const stockDidKey = getDidKeyResolver().key as DIDResolver
const COORDINATE_BYTES = 32

/**
 * The stock resolver drops leading zeros of coordinates, which one P-256 key in 128 has; a JWK has them. RFC 7518 §6.2.1.2.
 */
const resolveDidKey: DIDResolver = async (...given) => {
  const result = await stockDidKey(...given)
  for (const { publicKeyJwk: jwk } of result.didDocument?.verificationMethod ?? []) {
    if (jwk?.crv !== 'P-256') continue
    for (const member of ['x', 'y'] as const) {
      const bytes = Buffer.from(jwk[member] ?? '', 'base64url')
      const zeros = Buffer.alloc(Math.max(0, COORDINATE_BYTES - bytes.length))
      jwk[member] = encodeBase64url(Buffer.concat([zeros, bytes]))
    }
  }
  return result
}

const KMS = 'signer'

/** The `did:key` of a P-256 key: multicodec p256-pub over the compressed point. did:key method specification. */
function didKey(jwk: EcPublicJwk): string {
  return `did:key:${bytesToMultibase(hexToBytes(compressedPoint(jwk)), 'base58btc', 'p256-pub')}`
}

function keyIdOfDidKey(did: string): string {
  return `${did}#${did.slice('did:key:'.length)}`
}

function keyIdOfDidJwk(did: string): string {
  return `${did}#0`
}

/** SEC 1 §2.3.3 in hexadecimal. */
function compressedPoint({ x, y }: EcPublicJwk): string {
  const odd = (Buffer.from(y, 'base64url').at(-1) as number) & 1
  return Buffer.concat([Buffer.from([2 + odd]), Buffer.from(x, 'base64url')]).toString('hex')
}

async function asResult(
  resolve: () => JsonObject | Promise<JsonObject>,
): Promise<DIDResolutionResult> {
  try {
    const didDocument = (await resolve()) as unknown as DIDResolutionResult['didDocument']
    return { didDocument, didDocumentMetadata: {}, didResolutionMetadata: {} }
  } catch (error) {
    if (!(error instanceof DidError)) throw error
    const { code, message } = error
    return {
      didDocument: null,
      didDocumentMetadata: {},
      didResolutionMetadata: { error: code, message },
    }
  }
}

function notSupported(): never {
  throw new DidError('method_not_supported', 'the agent does not do this')
}

/** Key management that holds signers and never a private key: what it cannot do with a signer it refuses. */
class SignerKms extends AbstractKeyManagementSystem {
  readonly #signers = new Map<string, Es256Signer>()

  adopt(signer: Es256Signer): void {
    this.#signers.set(jwkThumbprint(signer.publicJwk), signer)
  }

  override async createKey({
    type,
    kid,
    meta,
  }: {
    type: TKeyType
    kid?: string
    meta?: { kid?: string }
  }): Promise<ManagedKeyInfo> {
    const signer = this.#signer(kid ?? meta?.kid ?? '')
    if (type !== 'Secp256r1') notSupported()
    return managedKey(signer)
  }

  override async listKeys(): Promise<ManagedKeyInfo[]> {
    return [...this.#signers.values()].map(managedKey)
  }

  override async deleteKey({ kid }: { kid: string }): Promise<boolean> {
    return this.#signers.delete(kid)
  }

  override async sign({
    keyRef,
    algorithm,
    data,
  }: {
    keyRef: Pick<IKey, 'kid'>
    algorithm?: string
    data: Uint8Array
  }): Promise<string> {
    if (algorithm !== undefined && algorithm !== 'ES256') notSupported()
    return encodeBase64url(await this.#signer(keyRef.kid).sign(data))
  }

  override async importKey(): Promise<ManagedKeyInfo> {
    return notSupported()
  }

  override async sharedSecret(): Promise<string> {
    return notSupported()
  }

  #signer(kid: string): Es256Signer {
    const signer = this.#signers.get(kid)
    if (!signer) throw new DidError('key_not_found', 'there is no signer for this key')
    return signer
  }
}

function managedKey({ publicJwk }: Es256Signer): ManagedKeyInfo {
  return {
    kms: KMS,
    kid: jwkThumbprint(publicJwk),
    type: 'Secp256r1',
    publicKeyHex: compressedPoint(publicJwk),
    meta: { algorithms: ['ES256'], publicKeyJwk: publicJwk },
  }
}

/** Identifiers that are one P-256 key and nothing else, so that nothing in them can be changed. */
class P256Provider extends AbstractIdentifierProvider {
  readonly #didOf: (jwk: EcPublicJwk) => string

  constructor(didOf: (jwk: EcPublicJwk) => string) {
    super()
    this.#didOf = didOf
  }

  override async createIdentifier(
    { options }: { options?: { kid?: string } },
    context: IAgentContext<IKeyManager>,
  ): Promise<Omit<IIdentifier, 'provider'>> {
    const meta = { kid: options?.kid ?? '' }
    const key = await context.agent.keyManagerCreate({ kms: KMS, type: 'Secp256r1', meta })
    const did = this.#didOf(key.meta?.publicKeyJwk as EcPublicJwk)
    return { did, controllerKeyId: key.kid, keys: [key], services: [] }
  }

  override async updateIdentifier(): Promise<IIdentifier> {
    return notSupported()
  }

  override async deleteIdentifier(
    { keys }: IIdentifier,
    context: IAgentContext<IKeyManager>,
  ): Promise<boolean> {
    for (const { kid } of keys) await context.agent.keyManagerDelete({ kid })
    return true
  }

  override async addKey(): Promise<never> {
    return notSupported()
  }

  override async removeKey(): Promise<never> {
    return notSupported()
  }

  override async addService(): Promise<never> {
    return notSupported()
  }

  override async removeService(): Promise<never> {
    return notSupported()
  }
}
