import { z } from 'zod'
import { toDateTime } from '../../shared/clock.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import type { CredentialStatus, ReasonClass } from '../status/status.ts'
import type { World } from '../world.ts'
import { callIssuer, pagesOf } from './issuer-client.ts'
import { whenPublished } from './when-published.ts'

interface UrlOption {
  readonly url: string
}

/** What every change names. */
interface ChangeOptions extends UrlOption {
  readonly to: CredentialStatus
  readonly reasonClass: ReasonClass
}

const emptySchema = z.undefined()
const changedSchema = z.object({ event: z.number(), published: z.boolean().optional() })
const previewSchema = z.object({
  id: z.string(),
  sha256: z.string(),
  total: z.number(),
  lists: z.number(),
  now: z.object({ valid: z.number(), suspended: z.number(), revoked: z.number() }),
  unchanged: z.number(),
})
const confirmedSchema = z.object({ changed: z.number(), published: z.boolean().optional() })
const noticesSchema = z.object({
  overdue: z.number(),
  notices: z.array(
    z.object({
      event: z.number(),
      reference: z.object({ uri: z.string(), idx: z.number() }),
      to: z.string(),
      text: z.string(),
      effectiveAt: z.number(),
      dueAt: z.number(),
    }),
  ),
  next: z.string().optional(),
})
const durations = z.object({
  count: z.number(),
  median: z.number(),
  max: z.number(),
  late: z.number(),
})
const timelinessSchema = z.object({ published: durations, told: durations })

/** Changes the status of one copy. */
export async function changeOne(
  world: World,
  given: ChangeOptions & {
    readonly list: string
    readonly index: number
    readonly requestedAt?: number
    readonly until?: number
    readonly heldBy?: string
    readonly emergency: boolean
  },
): Promise<void> {
  const { url, list, index, to, reasonClass, requestedAt, until, heldBy, emergency } = given
  const body: JsonObject = {
    reference: { uri: list, idx: index },
    to,
    reason_class: reasonClass,
    emergency,
    ...(requestedAt === undefined ? {} : { requested_at: requestedAt }),
    ...(until === undefined ? {} : { until }),
    ...(heldBy === undefined ? {} : { held_by: heldBy }),
  }
  const { event, published } = await operate(world, changedSchema, url, '/status-changes', body)
  world.print(`change ${event}  ${to}; ${whenPublished(published)}`)
}

/** Withdraws a change that no publication carries yet. */
export async function withdrawOne(world: World, event: number, { url }: UrlOption): Promise<void> {
  const request = { url, path: `/status-changes/${event}`, role: 'operator' } as const
  await callIssuer(world, emptySchema, { ...request, method: 'DELETE' })
  world.print(`change ${event}  withdrawn`)
}

/** Proposes a change of many copies and prints what it would do, for another person to confirm. */
export async function previewBulk(world: World, file: string, given: ChangeOptions): Promise<void> {
  const { url, to, reasonClass } = given
  const references = readReferences(file, world.readFile(file))
  const body: JsonObject = {
    references: references as unknown as Json,
    to,
    reason_class: reasonClass,
  }
  const preview = await operate(world, previewSchema, url, '/status-bulk', body)
  const { valid, suspended, revoked } = preview.now
  world.print(`bulk       ${preview.id}`)
  world.print(`sha256     ${preview.sha256}`)
  world.print(`copies     ${preview.total} on ${preview.lists} lists, to become ${to}`)
  world.print(`now        ${valid} valid, ${suspended} suspended, ${revoked} revoked`)
  world.print(`unchanged  ${preview.unchanged}`)
  world.note('carnet-issuer: nothing has changed yet; another operator confirms it')
}

/** Carries out what another operator proposed, if it still is what the preview showed. */
export async function confirmBulk(
  world: World,
  id: string,
  given: UrlOption & { readonly sha256: string; readonly emergency: boolean },
): Promise<void> {
  const { url, sha256, emergency } = given
  const path = `/status-bulk/${encodeURIComponent(id)}/approval`
  const answer = await operate(world, confirmedSchema, url, path, { sha256, emergency })
  world.print(`bulk ${id}  ${answer.changed} changed; ${whenPublished(answer.published)}`)
}

/** Prints whom to tell of what, the most urgent first, and how many should have been told by now. */
export async function listNotices(world: World, { url }: UrlOption): Promise<void> {
  const request = { url, path: '/status-notices', role: 'operator' } as const
  let late = 0
  for await (const { overdue, notices } of pagesOf(world, noticesSchema, request)) {
    for (const { event, reference, to, text, dueAt } of notices) {
      const due = toDateTime(dueAt)
      world.print(`${event}  due ${due}  ${to}  ${reference.uri} ${reference.idx}  ${text}`)
    }
    late = overdue
  }
  world.print(`${late} overdue`)
}

/** Notes that the holder was told. */
export async function markTold(world: World, event: number, given: UrlOption): Promise<void> {
  await operate(world, emptySchema, given.url, `/status-notices/${event}/told`, {})
  world.print(`change ${event}  told`)
}

/** Ends a legal hold: the holder is to be told next. */
export async function releaseHold(world: World, event: number, given: UrlOption): Promise<void> {
  await operate(world, emptySchema, given.url, `/status-notices/${event}/release`, {})
  world.print(`change ${event}  released`)
}

/** Prints how long changes took in a period, until they were published and until the holder was told. */
export async function printTimeliness(
  world: World,
  { url, from, to }: UrlOption & { readonly from: number; readonly to: number },
): Promise<void> {
  const path = `/status-timeliness?from=${from}&to=${to}`
  const report = await callIssuer(world, timelinessSchema, { url, path, role: 'operator' })
  for (const [name, { count, median, max, late }] of Object.entries(report)) {
    world.print(`${name.padEnd(9)}  ${count}  median ${median} s  max ${max} s  late ${late}`)
  }
}

function operate<Schema extends z.ZodType>(
  world: World,
  schema: Schema,
  url: string,
  path: string,
  body: JsonObject,
): Promise<z.output<Schema>> {
  return callIssuer(world, schema, { url, path, role: 'operator', body })
}

/** Lines of a list and an index. @throws OperatorError `file_unreadable` */
function readReferences(file: string, text: string): { uri: string; idx: number }[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line, at) => {
    const [, uri, idx] = /^(https?:\/\/\S+)\s+(\d{1,9})\s*$/.exec(line) ?? []
    if (uri === undefined) {
      throw new OperatorError('file_unreadable', `${file}: line ${at + 1} is no list and index`, {
        hint: 'each line is the address of a list, a space, and an index',
      })
    }
    return { uri, idx: Number(idx) }
  })
}
