import type { EmbeddingDeclaration } from '../manifest.ts'
import type { FaceTemplate } from './embed.ts'

/** A network of the fused comparison. */
export interface MatchModel {
  readonly id: string
  readonly embedding: EmbeddingDeclaration
}

/** How alike two faces are: for each network, and the sum of what they say on one scale. */
export interface FaceComparison {
  readonly fused: number
  readonly similarities: Readonly<Record<string, number>>
}

/**
 * Compares two faces 1:1. Each network's similarity is put on one scale by the centre and spread that the manifest
 * declares, and the scores are summed. Throws when a template lacks a network: a partial sum is another scale.
 */
export function compareFaces(
  models: readonly MatchModel[],
  one: FaceTemplate,
  other: FaceTemplate,
): FaceComparison {
  const similarities: Record<string, number> = {}
  let fused = 0
  for (const { id, embedding } of models) {
    const p = one.get(id)
    const q = other.get(id)
    if (!p || !q || p.length !== q.length) throw new Error(`a template lacks network ${id}`)
    const similarity = embedding.metric === 'euclidean' ? -distance(p, q) : dot(p, q)
    const centre = embedding.metric === 'euclidean' ? -embedding.centre : embedding.centre
    similarities[id] = similarity
    fused += (similarity - centre) / embedding.spread
  }
  return { fused, similarities }
}

function distance(p: Float32Array, q: Float32Array): number {
  let sum = 0
  for (let i = 0; i < p.length; i++) sum += ((p[i] as number) - (q[i] as number)) ** 2
  return Math.sqrt(sum)
}

function dot(p: Float32Array, q: Float32Array): number {
  let sum = 0
  for (let i = 0; i < p.length; i++) sum += (p[i] as number) * (q[i] as number)
  return sum
}
