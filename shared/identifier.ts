import type { Random } from './random.ts'

/**
 * A fresh identifier of `length` unpredictable bytes in lower-case hexadecimal: it is typed on command lines, where
 * one that begins with a hyphen would be read as an option.
 */
export function newIdentifier(random: Random, length: number): string {
  return Buffer.from(random(length)).toString('hex')
}
