import type { ConfigChoice } from '../../shared/tenant/choice.ts'
import type { World } from '../world.ts'

/** Makes the audit log's signing key in a new file. */
export function makeLogKey(world: World, { out }: { readonly out: string }): void {
  world.writeNewFile(out, world.generateLogKey())
  world.print(out)
}

/** Prints what `carnet-audit` needs to know of this issuer's log. */
export function printLogVerifierKey(
  world: World,
  { config }: { readonly config?: ConfigChoice },
): void {
  world.print(world.logVerifierKey(config))
}
