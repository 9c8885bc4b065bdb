import { toDateTime } from '../../shared/clock.ts'
import { JoseError } from '../../shared/jose/error.ts'
import { parsePublicJwk } from '../../shared/jose/jwk.ts'
import { JsonError, parseJson } from '../../shared/json.ts'
import type { PublicJwk } from '../../shared/key/signer.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { parseReceiptBundle, verifyReceiptBundle } from '../acceptance/bundle.ts'
import { LOGGED } from '../acceptance/commitments.ts'
import { ReceiptError } from '../acceptance/receipt.ts'
import type { World } from '../world.ts'

/** Verifies a receipt file again and prints what it proves, or why it proves nothing; answers whether it holds. */
export async function verifyReceiptFile(
  world: World,
  file: string,
  { trustSigner }: { readonly trustSigner: string },
): Promise<boolean> {
  const trustListSignerKeys = [readSignerKey(trustSigner, world.readFile(trustSigner))]
  const text = world.readFile(file)
  try {
    const verified = await verifyReceiptBundle(parseReceiptBundle(text), { trustListSignerKeys })
    const { receipt, verifier, policy, presentation, acceptance, commitments } = verified
    const codes = acceptance.codes.length > 0 ? `: ${acceptance.codes.join(', ')}` : ''
    world.print('holds    yes')
    world.print(`by       ${verifier.leaf.subjectName}`)
    world.print(`at       ${toDateTime(receipt.iat)}`)
    world.print(`policy   ${policy.id} version ${policy.version}`)
    world.print(`outcome  ${acceptance.outcome}${codes}`)
    for (const { queryId, issuer, status } of presentation.credentials) {
      world.print(`from     ${issuer} (${queryId}, status ${status.verdict})`)
    }
    for (const type of LOGGED) world.print(`logged   ${type} ${commitments[type]}`)
    return true
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error
    world.print('holds    no')
    world.print(`reason   ${error.code}: ${error.message}`)
    return false
  }
}

/** @throws OperatorError `trust_invalid` */
export function readSignerKey(file: string, text: string): PublicJwk {
  try {
    return parsePublicJwk(parseJson(text))
  } catch (cause) {
    if (!(cause instanceof JsonError || cause instanceof JoseError)) throw cause
    throw new OperatorError(
      'trust_invalid',
      `${file} is no public key (JWK) of a trust list signer`,
      { cause },
    )
  }
}
