import { type Clock, calendarDate, type NumericDate, parseHttpDate } from '../clock.ts'
import type { Fetch } from '../fetch.ts'
import type { SchemaState } from '../store/migrations.ts'
import type { TrustList } from '../trust/trust-list.ts'
import { type Finding, ok, weak, wrong } from './finding.ts'
import type { Machine } from './machine.ts'

const DAY = 86_400
/** From these on a certificate or list is said to end soon. */
const CERTIFICATE_NOTICE_DAYS = 30
const TRUST_LIST_NOTICE_DAYS = 7
const OLDEST_NODE = [20, 19, 0] as const
const MIB = 1 << 20
const ROOM_TO_WORK_MIB = 200
const ROOM_TO_GROW_MIB = 2048
/** What a clock may be off before tokens of ours seem to come from the future. */
const CLOCK_WEAK_SECONDS = 5
const CLOCK_WRONG_SECONDS = 60

/** Whether Node.js is one that the program runs on. */
export function runtimeFindings({ nodeVersion }: Pick<Machine, 'nodeVersion'>): Finding[] {
  const parts = nodeVersion.split('.').map(Number)
  const at = OLDEST_NODE.findIndex((oldest, index) => (parts[index] ?? 0) !== oldest)
  const isOld = at >= 0 && (parts[at] ?? 0) < (OLDEST_NODE[at] ?? 0)
  return [
    isOld
      ? wrong(`Node.js ${nodeVersion} is too old`, `use Node.js ${OLDEST_NODE.join('.')} or newer`)
      : ok(`Node.js ${nodeVersion}`),
  ]
}

/** Whether there is room where something is kept. */
export function diskFindings(machine: Machine, what: string, path: string): Finding[] {
  const free = machine.freeBytes(path)
  if (free === undefined) {
    return [wrong(`the folder of ${what} is not there`, `make the folder that ${path} is in`)]
  }
  const mebibytes = Math.floor(free / MIB)
  const room = `${mebibytes} MiB are free for ${what}`
  if (mebibytes < ROOM_TO_WORK_MIB) {
    return [wrong(room, 'free space now: nothing is issued or published on a full disk')]
  }
  if (mebibytes < ROOM_TO_GROW_MIB) {
    return [weak(room, 'give it more: docs/operations.md says how fast lists and log grow')]
  }
  return [ok(room)]
}

/** Whether files of secrets are read by their owner alone. */
export function secretFindings(machine: Machine, files: readonly string[]): Finding[] {
  const found = files.flatMap((file): Finding[] => {
    const isOpen = machine.isReadByOthers(file)
    if (isOpen === undefined) {
      return [wrong(`${file} is not there`, 'make the key, or name the file that holds it')]
    }
    return isOpen ? [wrong(`others may read ${file}`, `chmod 600 ${file}`)] : []
  })
  return found.length === 0
    ? [ok(`${files.length} files of keys are read by their owner alone`)]
    : found
}

/** How long a certificate still serves. */
export function certificateFindings(
  what: string,
  notAfter: NumericDate,
  now: NumericDate,
  remedy: string,
): Finding[] {
  const days = Math.floor((notAfter - now) / DAY)
  const until = `${what} ends on ${calendarDate(notAfter)}`
  if (days < 0) return [wrong(until, remedy)]
  return [days < CERTIFICATE_NOTICE_DAYS ? weak(until, remedy) : ok(until)]
}

/** How long a trust list that verified is in force. */
export function trustListFindings(list: TrustList, now: NumericDate): Finding[] {
  const { sequence, operator, nextUpdate } = list
  const text = `number ${sequence} of ${operator} is in force until ${calendarDate(nextUpdate)}`
  return nextUpdate - now < TRUST_LIST_NOTICE_DAYS * DAY
    ? [weak(text, 'get the next list from who signs it, or sign it again')]
    : [ok(text)]
}

/** Whether the database is of this program's schema. */
export function schemaFindings(state: SchemaState | undefined): Finding[] {
  if (state === undefined) return [ok('there is no database yet; the first start makes it')]
  if (state.damage.length > 0) {
    const first = state.damage[0] ?? ''
    return [wrong(`the database is damaged: ${first}`, 'stop the server and restore a backup')]
  }
  if (state.pending > 0) {
    return [
      weak(
        `${state.pending} migrations wait for the next start of this version`,
        'make a backup before it: an older version refuses the database afterwards',
      ),
    ]
  }
  return [ok(`${state.engine} with the schema of this version`)]
}

/** Whether this clock and another agree. `other` answers its time; what it rests on is `whose`. */
export function clockFindings(now: NumericDate, whose: string, other: NumericDate): Finding[] {
  const off = Math.abs(now - other)
  const text = `this clock and ${whose} differ by ${off} s`
  const remedy = 'keep the clock with NTP (chrony, systemd-timesyncd), here and there'
  if (off > CLOCK_WRONG_SECONDS) return [wrong(text, remedy)]
  return [off > CLOCK_WEAK_SECONDS ? weak(text, remedy) : ok(text)]
}

/** Whether something answers at `url`, and by how much its clock differs. Any HTTP status is an answer. */
export async function reachFindings(
  what: string,
  url: string,
  { fetch, clock, remedy }: { fetch: Fetch; clock: Clock; remedy: string },
): Promise<Finding[]> {
  let response: Response
  try {
    response = await fetch(url, { redirect: 'manual' })
  } catch (error) {
    return [wrong(`${what} cannot be reached: ${rootOf(error)}`, remedy)]
  }
  await response.body?.cancel().catch(() => undefined)
  const other = parseHttpDate(response.headers.get('date') ?? '')
  return [
    ok(`${what} answers ${response.status}`),
    ...(other === undefined ? [] : clockFindings(clock(), `that of ${what}`, other)),
  ]
}

/** What a failed fetch has at the bottom, such as `connect ECONNREFUSED 127.0.0.1:4100`. */
function rootOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, message } = error
  if (cause instanceof AggregateError) return rootOf(cause.errors[0])
  return cause instanceof Error ? rootOf(cause) : message
}

/** Settings that make a server less than it should be in production. */
export function addressFindings({
  baseUrl,
  operatorHost,
}: {
  readonly baseUrl: string
  readonly operatorHost: string | undefined
}): Finding[] {
  const { protocol, hostname } = new URL(baseUrl)
  const found: Finding[] = []
  if (isLoopback(hostname)) {
    found.push(
      weak(
        `baseUrl is on this machine (${hostname})`,
        'good for development; give the public https address before others use it',
      ),
    )
  } else if (protocol === 'http:') {
    found.push(
      wrong('baseUrl is plain http', 'put a TLS proxy in front and give its https address'),
    )
  }
  if (operatorHost === undefined) {
    found.push(
      weak('there is no operator listener', 'set operator.port, and watch /metrics and /readyz'),
    )
  } else if (!isLoopback(operatorHost)) {
    found.push(
      weak(
        `the operator listener is on ${operatorHost} and asks for no key`,
        'let the firewall pass only the monitoring',
      ),
    )
  }
  return found
}

function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host)
}
