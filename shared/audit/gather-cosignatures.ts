import type { Fetch } from '../fetch.ts'
import { renderAddCheckpoint } from './add-checkpoint.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { requireWitnesses, verifyCosignatures } from './cosignature.ts'
import { AuditError } from './error.ts'
import type { NoteVerifier } from './note.ts'

/** A witness with the prefix that takes checkpoints. */
export interface WitnessAddress {
  readonly verifier: NoteVerifier
  readonly url: string
}

/** Adds to a signed checkpoint what its witnesses say, or throws when too few say anything. */
export type Cosign = (
  checkpoint: string,
  prove: (oldSize: number) => Promise<readonly Buffer[]>,
) => Promise<string>

/** Fewer witnesses than needed have cosigned; nothing is served until enough have. */
export class WitnessesMissing extends Error {
  override readonly name = 'WitnessesMissing'
}

/**
 * Asks every witness at once over C2SP tlog-witness and takes the checkpoint when `threshold` of them have cosigned.
 * A witness that knows another size is told once more from there.
 */
export function gatherCosignatures(options: {
  readonly witnesses: readonly WitnessAddress[]
  readonly threshold: number
  readonly fetch: Fetch
}): Cosign {
  const { witnesses, threshold, fetch } = options
  const known = new Map<string, number>()
  return async (checkpoint, prove) => {
    const { size } = parseCheckpoint(checkpoint)
    const answers = await Promise.allSettled(
      witnesses.map(async (witness) => {
        const oldSize = Math.min(known.get(witness.url) ?? 0, size)
        const lines = await ask(fetch, witness, { checkpoint, oldSize, prove })
        known.set(witness.url, size)
        return lines
      }),
    )
    const lines = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const cosigned = `${checkpoint}${lines.join('')}`
    try {
      const policy = { witnesses: witnesses.map(({ verifier }) => verifier), threshold }
      requireWitnesses(parseCheckpoint(cosigned), policy)
    } catch (cause) {
      throw new WitnessesMissing(`${lines.length} of ${threshold} witnesses have cosigned`, {
        cause: answers.find((answer) => answer.status === 'rejected')?.reason ?? cause,
      })
    }
    return cosigned
  }
}

async function ask(
  fetch: Fetch,
  witness: WitnessAddress,
  request: {
    readonly checkpoint: string
    readonly oldSize: number
    readonly prove: (oldSize: number) => Promise<readonly Buffer[]>
  },
): Promise<string> {
  const { checkpoint, prove } = request
  const send = async (oldSize: number): Promise<Response> => {
    const proof = oldSize === 0 ? [] : await prove(oldSize)
    const body = renderAddCheckpoint({ oldSize, proof, checkpoint })
    return fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body })
  }
  let response = await send(request.oldSize)
  if (response.status === 409) {
    const size = /^(0|[1-9]\d{0,15})\n$/.exec(await response.text())?.[1]
    if (size === undefined) throw new AuditError('proof_malformed', 'a witness answered no size')
    if (Number(size) > parseCheckpoint(checkpoint).size) {
      throw new AuditError('witness_missing', 'a witness has seen a larger log under this key')
    }
    response = await send(Number(size))
  }
  if (response.status !== 200) {
    throw new AuditError('witness_missing', `a witness answered ${response.status}`)
  }
  return cosignatureLines(await response.text(), checkpoint, witness.verifier)
}

/** "The client MUST ignore any cosignatures from unknown keys." */
function cosignatureLines(answer: string, checkpoint: string, verifier: NoteVerifier): string {
  const lines = answer.split('\n').filter((line) => line.startsWith(`— ${verifier.name} `))
  const kept = lines
    .slice(0, 4)
    .map((line) => `${line}\n`)
    .join('')
  if (verifyCosignatures(parseCheckpoint(`${checkpoint}${kept}`), [verifier]).length === 0) {
    throw new AuditError('witness_missing', 'a witness answered without its cosignature')
  }
  return kept
}
