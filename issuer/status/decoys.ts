import type { Random } from '../../shared/random.ts'

/** Which of a list's decoys are revoked before a publication: seldom any, and then one or two, where chance chooses. */
export function decoysToRevoke(decoys: readonly number[], random: Random): number[] {
  const byte = (): number => random(1)[0] ?? 0
  if (byte() >= 16) return []
  const left = [...decoys]
  const chosen: number[] = []
  for (let count = byte() % 3; count > 0 && left.length > 0; count--) {
    chosen.push(...left.splice((byte() * 256 + byte()) % left.length, 1))
  }
  return chosen
}
