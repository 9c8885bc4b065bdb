import { toDateTime } from '../../shared/clock.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import type { ConfigChoice } from '../../shared/tenant/choice.ts'
import type { World } from '../world.ts'

interface ConfigOption {
  readonly config?: ConfigChoice
}

const DAY = 86_400

/** Removes the face of a session before its time; running servers find it no more from their next search on. */
export async function forgetFace(
  world: World,
  sessionId: string,
  { config }: ConfigOption,
): Promise<void> {
  const was = await world.withFaces(config, ({ store }) => store.remove('seen', sessionId))
  if (!was) throw new OperatorError('face_not_found', `no face is kept of session ${sessionId}`)
  world.print(`${sessionId}  forgotten`)
}

/** Puts the face in a picture on the blocklist. The picture is read and kept nowhere. */
export async function blockFace(
  world: World,
  image: string,
  given: ConfigOption & { readonly name: string; readonly days?: number },
): Promise<void> {
  const { name, config } = given
  const expires = await world.withFaces(config, async ({ days, block }) => {
    const until = world.clock() + (given.days ?? days) * DAY
    await block(name, image, until)
    return until
  })
  world.print(`${name}  blocked until ${toDateTime(expires)}`)
}

/** Takes a face off the blocklist. */
export async function unblockFace(
  world: World,
  name: string,
  { config }: ConfigOption,
): Promise<void> {
  const was = await world.withFaces(config, ({ store }) => store.remove('blocklist', name))
  if (!was) throw new OperatorError('face_not_found', `no face is blocked under ${name}`)
  world.print(`${name}  unblocked`)
}

/** Prints who is on the blocklist, and until when. */
export async function listBlockedFaces(world: World, { config }: ConfigOption): Promise<void> {
  for (const { id, expires } of await world.withFaces(config, ({ store }) => store.blocklist())) {
    world.print(`${id}  until ${toDateTime(expires)}`)
  }
}
