import { isJsonObject, type Json, type JsonObject } from '../../shared/json.ts'
import {
  type ClaimPath,
  type ConcretePath,
  resolveClaimPath,
  valueAt,
} from '../../shared/sd-jwt/claim-path.ts'

/** Every value at a claims path, in order; none when it leads nowhere. OpenID4VP 1.0 §7.1. */
export function claimsAt(claims: JsonObject, path: ClaimPath): readonly Json[] {
  return resolveClaimPath(claims, path).map((at) => valueAt(claims, at) as Json)
}

/**
 * Only what the paths lead to, in its place: the claims that a query asked for and nothing beside them. Arrays keep
 * their order, without the elements that were not asked for.
 */
export function pickClaims(claims: JsonObject, paths: readonly ClaimPath[]): JsonObject {
  return pick(
    claims,
    paths.flatMap((path) => resolveClaimPath(claims, path)),
  ) as JsonObject
}

function pick(value: Json, places: readonly ConcretePath[]): Json {
  if (places.some((place) => place.length === 0)) return value
  const below = (key: string | number) =>
    places.filter(([first]) => first === key).map(([, ...rest]) => rest)
  if (Array.isArray(value)) {
    return value.flatMap((child: Json, index) =>
      below(index).length > 0 ? [pick(child, below(index))] : [],
    )
  }
  if (!isJsonObject(value)) return value
  const kept = Object.entries(value).filter(([name]) => below(name).length > 0)
  return Object.fromEntries(kept.map(([name, child]) => [name, pick(child, below(name))]))
}
