import type { NumericDate } from '../../shared/clock.ts'
import type { Lease } from '../../shared/store/lease.ts'

/** Seconds by which a publication may be late, as `carnet-audit` grants them. */
const TOLERANCE_SECONDS = 60

/** What one of several servers on one database knows of the publications of all of them. */
export interface Turn {
  readonly lease: Pick<Lease, 'during'>
  readonly intervalSeconds: number
  /** When the list that has waited longest was published, by whichever server; 0 while there is none. */
  publishedAt(now: NumericDate): Promise<NumericDate>
  now(): NumericDate
  /** Waits a little for another server to end its turn. */
  pause(): Promise<void>
  publish(): Promise<unknown>
}

/**
 * Publishes when the rhythm that all servers of one issuer keep together asks for it, and not while another one does.
 * Out of turn it waits for the other to end and publishes then, so that what was decided before the call is out.
 * @throws Error when another server holds the turn and nothing is published
 */
export async function publishInTurn(turn: Turn, reason: 'scheduled' | 'emergency'): Promise<void> {
  const { lease, intervalSeconds, pause, publish } = turn
  const begun = turn.now()
  for (;;) {
    if (reason === 'scheduled' && !(await isDue(turn, intervalSeconds))) return
    const own = await lease.during(async () => {
      // Another server may have published while the turn was being taken.
      if (reason === 'emergency' || (await isDue(turn, intervalSeconds))) await publish()
    })
    if (own !== undefined) return
    const isLate = await isDue(turn, intervalSeconds + TOLERANCE_SECONDS)
    if (reason === 'scheduled' && !isLate) return
    if (turn.now() > begun + TOLERANCE_SECONDS) {
      throw new Error('another server has taken the turn and publishes nothing')
    }
    await pause()
  }
}

async function isDue(turn: Turn, afterSeconds: number): Promise<boolean> {
  const now = turn.now()
  return now >= (await turn.publishedAt(now)) + afterSeconds
}
