/**
 * What every credential type of a sandbox ends with. It is a type of its own, which extends none, so that nobody who asks
 * for the real one is shown it. SD-JWT VC draft-13 §3.2.2.1: a verifier that does not know a type refuses it.
 */
const SUFFIX = ':sandbox'

/** The type that a sandbox issues in place of `vct`. */
export function sandboxType(vct: string): string {
  return vct.endsWith(SUFFIX) ? vct : `${vct}${SUFFIX}`
}
