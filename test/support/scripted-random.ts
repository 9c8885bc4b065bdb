import type { Random } from '../../shared/random.ts'

/** A Random that gives the scripted answers in order and refuses a length that differs or an answer too many. */
export function scriptedRandom(answers: readonly Uint8Array[]): Random {
  let next = 0
  return (length) => {
    const answer = answers[next++]
    if (!answer) throw new Error('scripted random is empty')
    if (answer.length !== length) throw new Error(`scripted random was asked for ${length} bytes`)
    return answer
  }
}
