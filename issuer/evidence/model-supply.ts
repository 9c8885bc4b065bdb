// biome-ignore lint/correctness/useImportExtensions: the loader is a .mjs, it runs before anything is built.
import { fetchManifest, MODEL_MANIFEST } from './supply/fetch-models.mjs'

/** The package's own manifest, from the package root. */
export const modelManifest: string = MODEL_MANIFEST

/** What is said while files are fetched, and a cache folder other than `CARNET_MODELS` or `.models`. */
export interface SupplyOptions {
  readonly report?: (line: string) => void
  readonly cache?: string
}

/** Paths by name of the files that a manifest lists, present and of the pinned digest; what is missing is fetched. */
export async function supplyFiles(
  manifest: string,
  options: SupplyOptions = {},
): Promise<Readonly<Record<string, string>>> {
  return await fetchManifest(manifest, options)
}
