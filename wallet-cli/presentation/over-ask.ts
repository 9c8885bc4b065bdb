import { type ClaimPath, pathsOverlap } from '../../shared/sd-jwt/claim-path.ts'

/** Why a request may ask for more than it needs. */
export type OverAsk =
  | { readonly reason: 'portrait'; readonly paths: readonly ClaimPath[] }
  | { readonly reason: 'identifying_number'; readonly paths: readonly ClaimPath[] }
  | { readonly reason: 'birthdate_beside_age'; readonly paths: readonly ClaimPath[] }
  | { readonly reason: 'whole_group'; readonly paths: readonly ClaimPath[] }
  | { readonly reason: 'no_purpose'; readonly paths: readonly ClaimPath[] }

/**
 * Looks at what is asked and not at who asks: what a wallet can tell without a registration of the verifier's intended
 * use. `visible` are the places that would be seen, `asked` the paths of the query.
 */
export function overAsks(
  {
    asked,
    visible,
  }: { readonly asked: readonly ClaimPath[]; readonly visible: readonly ClaimPath[] },
  purpose: string | undefined,
): OverAsk[] {
  const isAt =
    (...start: string[]) =>
    (path: ClaimPath) =>
      isUnder(path, start)
  const found: OverAsk[] = [
    { reason: 'portrait', paths: visible.filter(isAt('picture')) },
    {
      reason: 'identifying_number',
      paths: visible.filter(
        (path) => isAt('document', 'number')(path) || isAt('personal_administrative_number')(path),
      ),
    },
    {
      reason: 'birthdate_beside_age',
      paths: asked.some(isAt('age_equal_or_over')) ? visible.filter(isAt('birthdate')) : [],
    },
    {
      reason: 'whole_group',
      paths: asked.filter(
        (path) =>
          visible.filter((place) => place.length > path.length && isUnder(place, path)).length > 1,
      ),
    },
    { reason: 'no_purpose', paths: purpose === undefined ? visible : [] },
  ]
  return found.filter(({ paths }) => paths.length > 0)
}

function isUnder(place: ClaimPath, path: ClaimPath): boolean {
  return place.length >= path.length && pathsOverlap(place, path)
}
