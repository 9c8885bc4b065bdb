import { join } from 'node:path'
import { JoseError } from '../../shared/jose/error.ts'
import { parsePublicJwk } from '../../shared/jose/jwk.ts'
import { JsonError, parseJson } from '../../shared/json.ts'
import type { EcPublicJwk } from '../../shared/key/signer.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { TrustError } from '../../shared/trust/error.ts'
import { pemOfX5c, x5cOfPem } from '../../shared/trust/pem-chain.ts'
import type { TrustRole } from '../../shared/trust/role.ts'
import { type TrustList, verifyTrustListSignature } from '../../shared/trust/trust-list.ts'
import type { TokenKey } from '../config.ts'
import {
  type Authority,
  certify,
  makeAuthority,
  makeTrustList,
  PKI_ROLES,
} from '../pki/development-pki.ts'
import type { World } from '../world.ts'

const TRUST_LIST = 'trust-list.jwt'
const SIGNER_KEY = 'trust-list-signer.key.pem'
const SIGNER_JWK = 'trust-list-signer.jwk.json'

/** Makes a development PKI in a folder: an authority for each role, and a trust list that names them. */
export async function initPki(
  world: World,
  { dir, sandbox }: { readonly dir: string; readonly sandbox: boolean },
): Promise<void> {
  const { random, print } = world
  const now = world.clock()
  const authorities: Authority[] = []
  for (const role of PKI_ROLES) {
    const authority = await makeAuthority(role, { key: world.generateKey(), random, now })
    authorities.push(authority)
    world.writeNewFile(keyFile(dir, role), authority.pkcs8)
    const x5c = [Buffer.from(authority.certificate).toString('base64')]
    world.writeNewFile(certificateFile(dir, role), pemOfX5c(x5c))
  }
  const { signer, pkcs8 } = world.generateKey()
  world.writeNewFile(join(dir, SIGNER_KEY), pkcs8)
  world.writeNewFile(join(dir, SIGNER_JWK), `${JSON.stringify(signer.publicJwk)}\n`)
  const list = await makeTrustList(authorities, { signer, sequence: 1, now, sandbox })
  world.writeNewFile(join(dir, TRUST_LIST), list)
  print(`trust list         ${join(dir, TRUST_LIST)}`)
  print(`trust list signer  ${join(dir, SIGNER_JWK)}`)
}

/** Makes a key, in a file or on a token, and has the authority of a role certify it. */
export async function certifyKey(
  world: World,
  given: {
    readonly dir: string
    readonly role: TrustRole
    readonly name: string
    readonly uri: readonly string[]
    readonly dns: readonly string[]
    readonly out: string
    readonly token?: TokenKey
  },
): Promise<void> {
  const { dir, role, name, uri, dns, out, token } = given
  const authority = readAuthority(world, dir, role)
  const { signer, pkcs8 } = token
    ? { signer: await world.generateTokenKey(token), pkcs8: undefined }
    : world.generateKey()
  const subject = { name, publicJwk: signer.publicJwk, uris: uri, dns }
  const x5c = await certify(authority, subject, { random: world.random, now: world.clock() })
  if (pkcs8 !== undefined) world.writeNewFile(join(out, 'key.pem'), pkcs8)
  world.writeNewFile(join(out, 'chain.pem'), pemOfX5c(x5c))
  world.print(`key    ${pkcs8 === undefined ? token?.pkcs11.label : join(out, 'key.pem')}`)
  world.print(`chain  ${join(out, 'chain.pem')}`)
}

/** Signs the trust list again with the next sequence number and a later next update. */
export async function renewTrustList(
  world: World,
  { dir }: { readonly dir: string },
): Promise<void> {
  const signer = world.openKey(world.readFile(join(dir, SIGNER_KEY)))
  const path = join(dir, TRUST_LIST)
  const { sequence, sandbox } = readTrustList(world, path, signer.publicJwk)
  const authorities = PKI_ROLES.map((role) => readAuthority(world, dir, role))
  const now = world.clock()
  const next = { signer, sequence: sequence + 1, now, sandbox: sandbox ?? false }
  const list = await makeTrustList(authorities, next)
  world.replaceFile(path, list)
  world.print(`trust list  ${path} (sequence ${sequence + 1})`)
}

/** @throws OperatorError `trust_invalid` */
export function readSignerJwk(file: string, text: string): EcPublicJwk {
  try {
    return parsePublicJwk(parseJson(text))
  } catch (cause) {
    if (!(cause instanceof JsonError || cause instanceof JoseError)) throw cause
    throw new OperatorError('trust_invalid', `${file} is no public P-256 key (JWK)`, { cause })
  }
}

function readTrustList(
  world: World,
  path: string,
  signerKey: EcPublicJwk,
): Pick<TrustList, 'sequence' | 'sandbox'> {
  try {
    return verifyTrustListSignature(world.readFile(path), { signerKey })
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new OperatorError('trust_invalid', `${path} is not a trust list of this signer`, {
      cause,
    })
  }
}

function readAuthority(world: World, dir: string, role: TrustRole): Authority {
  const [certificate] = x5cOfPem(world.readFile(certificateFile(dir, role)))
  return {
    role,
    certificate: Buffer.from(certificate ?? '', 'base64'),
    pkcs8: world.readFile(keyFile(dir, role)),
  }
}

function keyFile(dir: string, role: TrustRole): string {
  return join(dir, `${role}-ca.key.pem`)
}

function certificateFile(dir: string, role: TrustRole): string {
  return join(dir, `${role}-ca.cert.pem`)
}
