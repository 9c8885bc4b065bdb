import { isJsonObject, type Json } from '../json.ts'

/**
 * A claims path pointer: a string selects a member, a whole number an element, `null` every element.
 * OpenID4VP 1.0 §7, SD-JWT VC "Claim Path".
 */
export type ClaimPath = readonly (string | number | null)[]

/** A path without wildcards: the place of one value. */
export type ConcretePath = readonly (string | number)[]

/**
 * The places in `value` that a path selects, in order; none where it names nothing or meets a value of another kind.
 * OpenID4VP 1.0 §7.1.
 */
export function resolveClaimPath(value: Json, path: ClaimPath): ConcretePath[] {
  let places: { at: ConcretePath; value: Json }[] = [{ at: [], value }]
  for (const component of path) {
    places = places.flatMap((place) => step(place, component))
    if (places.length === 0) return []
  }
  return places.map(({ at }) => at)
}

/** The value at a place, which must be there. */
export function valueAt(value: Json, at: ConcretePath): Json | undefined {
  let current: Json | undefined = value
  for (const component of at) {
    if (typeof component === 'number') {
      current = Array.isArray(current) ? (current[component] as Json | undefined) : undefined
    } else {
      current =
        isJsonObject(current) && Object.hasOwn(current, component) ? current[component] : undefined
    }
  }
  return current
}

/** True when one path lies on the other: they agree up to the end of the shorter. `null` agrees with any index. */
export function pathsOverlap(a: ClaimPath, b: ClaimPath): boolean {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    if (!componentsAgree(a[index] as string | number | null, b[index] as string | number | null)) {
      return false
    }
  }
  return true
}

function componentsAgree(a: string | number | null, b: string | number | null): boolean {
  if (a === b) return true
  return (a === null && typeof b === 'number') || (b === null && typeof a === 'number')
}

function step(
  { at, value }: { at: ConcretePath; value: Json },
  component: string | number | null,
): { at: ConcretePath; value: Json }[] {
  if (typeof component === 'string') {
    if (!isJsonObject(value) || !Object.hasOwn(value, component)) return []
    return [{ at: [...at, component], value: value[component] as Json }]
  }
  if (!Array.isArray(value)) return []
  if (component === null) {
    return value.map((element: Json, index) => ({ at: [...at, index], value: element }))
  }
  const element = value[component] as Json | undefined
  return element === undefined ? [] : [{ at: [...at, component], value: element }]
}
