import type { ModelReference } from './evidence.ts'
import type { ModelDeclaration } from './manifest.ts'

/** A dense array of numbers with its shape. */
export interface Tensor {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

/** A network that was loaded from the file whose SHA-256 it names. It keeps no state between runs. */
export interface Model extends ModelReference {
  readonly declaration: ModelDeclaration
  /** Runs on one input and answers the outputs in the order of the file. */
  run(input: Tensor): Promise<readonly Tensor[]>
  close(): Promise<void>
}
