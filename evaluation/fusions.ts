import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseManifest } from '../issuer/evidence/manifest.ts'
import type { ModelFiles } from '../issuer/evidence/model.onnx.ts'
import { modelManifest } from '../issuer/evidence/model-supply.ts'
import { packageRoot } from '../shared/package-root.ts'

/** Sets of networks that are measured side by side, by the name of their row, and the one that the manifest uses. */
export interface Fusions {
  readonly ids: readonly string[]
  readonly fusions: Readonly<Record<string, readonly string[]>>
  readonly used: string
}

/**
 * Every network that a manifest declares for embedding faces, the set that it uses, all together, and, where it is not the
 * package's own, the set that is in force there: what an operator compares before switching.
 */
export async function fusionsOf({ use, declarations }: ModelFiles): Promise<Fusions> {
  const ids = Object.entries(declarations)
    .filter(([, { role }]) => role === 'face-embedding')
    .map(([id]) => id)
  const text = await readFile(join(packageRoot, modelManifest), 'utf8')
  const inForce = parseManifest(JSON.parse(text)).use.embeddings
  const used = `pipeline: ${use.embeddings.length} fused`
  const isOther =
    inForce.join() !== use.embeddings.join() && inForce.every((id) => ids.includes(id))
  return {
    ids,
    used,
    fusions: {
      ...Object.fromEntries(ids.map((id) => [id, [id]])),
      ...(isOther ? { [`in force: ${inForce.length} fused`]: inForce } : {}),
      [used]: use.embeddings,
      [`all ${ids.length} fused`]: ids,
    },
  }
}
