/** Prints the story: numbered steps with the seconds since the start, and the facts of a step below it. */
export interface Narrator {
  step(title: string): void
  fact(text: string): void
}

/** Writes to `write`, one line a call; `elapsed` answers milliseconds since the start. */
export function narrator(write: (line: string) => void, elapsed: () => number): Narrator {
  let number = 0
  return {
    step: (title) => {
      number += 1
      write(`\n${number}. ${title}  (${(elapsed() / 1000).toFixed(1)} s)`)
    },
    fact: (text) => write(`   ${text}`),
  }
}
