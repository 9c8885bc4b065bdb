import { setTimeout as sleep } from 'node:timers/promises'
import { publishStatusLists } from '../../issuer/status/publish.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import { unsignedTokens } from '../support/status.ts'
import { openGround } from './ground.ts'

/** An effect that this process has answered for. The parent keeps them outside of the database. */
export type Acknowledged =
  | { readonly did: 'allocate'; readonly references: readonly StatusReference[] }
  | { readonly did: 'revoke'; readonly reference: StatusReference }
  | { readonly did: 'publish'; readonly checkpoint: string }

const POOL = { name: 'standard', size: 4096, lanes: 2 }

/**
 * Runs in a process of its own, to be killed anywhere: issues, revokes and publishes, and writes a line on standard
 * output once each is acknowledged. Arguments: folder, PKCS#8 of the log key in base64, rounds, and the connection
 * string where it is on PostgreSQL.
 */
async function main(folder: string, key: string, rounds: number, url?: string): Promise<void> {
  const ground = await openGround({ folder, key, url })
  const { log, store, publication } = ground
  const cadence = { intervalSeconds: 1, validitySeconds: 3600 }
  // Where a test asks for it the clock jumps ahead by so many seconds, and back again after three rounds.
  const jump = Number(process.env.CARNET_FAULT_CLOCK_JUMP ?? 0)
  let ahead = 0
  const now = (): number => Math.floor(Date.now() / 1000) + ahead
  const publish = async (): Promise<void> => {
    for (;;) {
      const own = await publication.during(() =>
        publishStatusLists({ store, log, cadence, ...unsignedTokens }, now()),
      )
      if (own !== undefined) break
      await sleep(20)
    }
    acknowledge({ did: 'publish', checkpoint: (await log.checkpoint()) ?? '' })
  }
  await store.keepOpen(POOL, now())
  await publish()
  for (let round = 0; round < rounds; round++) {
    ahead = round >= 2 && round < 5 ? jump : 0
    const references = await ground.allocate(2, now())
    acknowledge({ did: 'allocate', references })
    for (const reference of references) {
      await ground.revoke(reference, now())
      acknowledge({ did: 'revoke', reference })
    }
    if (round % 3 === 2) await publish()
  }
  await ground.close()
}

function acknowledge(effect: Acknowledged): void {
  process.stdout.write(`${JSON.stringify(effect)}\n`)
}

const [folder = '', key = '', rounds = '1', url] = process.argv.slice(2)
await main(folder, key, Number(rounds), url)
