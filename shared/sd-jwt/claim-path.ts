import { isJsonObject, type Json } from '../json.ts'

/**
 * A claims path pointer: a string selects a member, a whole number an element, `null` every element.
 * OpenID4VP 1.0 §7, SD-JWT VC "Claim Path".
 */
export type ClaimPath = readonly (string | number | null)[]

/** A path without wildcards: the place of one value. */
export type ConcretePath = readonly (string | number)[]

/**
 * The places in `value` that a path selects, in order; none where nothing is left or where any value on the way is of
 * another kind than the component needs ("abort processing and return an error"). OpenID4VP 1.0 §7.1.
 */
export function resolveClaimPath(value: Json, path: ClaimPath): ConcretePath[] {
  if (isConcrete(path)) return valueAt(value, path) === undefined ? [] : [path]
  let places: Place[] = [{ at: [], value }]
  for (const component of path) {
    const next: Place[] = []
    for (const place of places) if (!step(place, component, next)) return []
    places = next
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

function isConcrete(path: ClaimPath): path is ConcretePath {
  return !path.includes(null)
}

interface Place {
  readonly at: ConcretePath
  readonly value: Json
}

/** Adds what `component` selects in a place to `next`; false when the place is of another kind. */
function step({ at, value }: Place, component: string | number | null, next: Place[]): boolean {
  if (typeof component === 'string') {
    if (!isJsonObject(value)) return false
    if (Object.hasOwn(value, component)) {
      next.push({ at: [...at, component], value: value[component] as Json })
    }
    return true
  }
  if (!Array.isArray(value)) return false
  if (component === null) {
    value.forEach((element: Json, index) => {
      next.push({ at: [...at, index], value: element })
    })
  } else if (component < value.length) {
    next.push({ at: [...at, component], value: value[component] as Json })
  }
  return true
}
