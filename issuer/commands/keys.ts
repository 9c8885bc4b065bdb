import { toDateTime } from '../../shared/clock.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { keyDigest, makeKey } from '../api-key.ts'
import type { KeyRole } from '../store.ts'
import type { World } from '../world.ts'

interface ConfigOption {
  readonly config?: string
}

/** Adds an API key and prints it once; the store keeps its digest. */
export async function addKey(
  world: World,
  given: ConfigOption & { readonly role: KeyRole; readonly name: string },
): Promise<void> {
  const { role, name, config } = given
  const key = makeKey(role, world.random)
  const added = await world.withStore(config, (store) =>
    store.addKey({ name, role, sha256: keyDigest(key) }, world.clock()),
  )
  if (!added) throw new OperatorError('key_invalid', `there is a key named ${name} already`)
  world.print(key)
  world.note('carnet-issuer: the key is shown once')
}

/** Prints the names of all keys. */
export async function listKeys(world: World, { config }: ConfigOption): Promise<void> {
  for (const { name, role, createdAt, revokedAt } of await world.withStore(config, (store) =>
    store.keys(),
  )) {
    const state = revokedAt === undefined ? 'active' : `revoked ${toDateTime(revokedAt)}`
    world.print(`${name}  ${role}  ${toDateTime(createdAt)}  ${state}`)
  }
}

/** Ends a key; requests with it are refused from now on. */
export async function revokeKey(
  world: World,
  given: ConfigOption & { readonly name: string },
): Promise<void> {
  const { name, config } = given
  const revoked = await world.withStore(config, (store) => store.revokeKey(name, world.clock()))
  if (!revoked) throw new OperatorError('key_invalid', `there is no active key named ${name}`)
  world.print(`${name}  revoked`)
}

/** Makes the audit log's signing key in a new file. */
export function makeLogKey(world: World, { out }: { readonly out: string }): void {
  world.writeNewFile(out, world.generateLogKey())
  world.print(out)
}

/** Prints what `carnet-audit` needs to know of this issuer's log. */
export function printLogVerifierKey(world: World, { config }: ConfigOption): void {
  world.print(world.logVerifierKey(config))
}
