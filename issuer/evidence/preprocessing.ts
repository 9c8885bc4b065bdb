import type { Normalisation } from './image.ts'
import type { Model } from './model.ts'

/** The preprocessing that the manifest declares for a model. Throws where it declares none that we can do. */
export function inputOf({ id, declaration: { input } }: Model): Normalisation {
  if (!input || input.colour === 'RGBA') {
    throw new Error(`model ${id}: the manifest declares no preprocessing for it`)
  }
  const { layout, colour, subtract, divide } = input
  return { layout, colour, subtract, divide }
}
