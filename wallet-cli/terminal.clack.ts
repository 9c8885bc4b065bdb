import { openSync } from 'node:fs'
import { ReadStream, WriteStream } from 'node:tty'
import { WalletError } from './error.ts'
import type { Question, Terminal } from './terminal.ts'

interface Streams {
  readonly input: ReadStream
  readonly output: WriteStream
}

/** The terminal of this process, if it has one: the streams of a pipeline are left alone. */
export function processTerminal(): Terminal {
  const tty = controllingTerminal()
  const streams = (hint: string): Streams => {
    if (!tty) throw new WalletError('answer_needed', 'there is no terminal to ask on', { hint })
    return tty
  }
  return {
    print: (line) => process.stdout.write(`${line}\n`),
    note: (line) => process.stderr.write(`${line}\n`),
    width: Math.min(tty?.output.columns ?? 80, 100),
    interactive: tty !== undefined,
    ask: async (question) => answered(await askOn(streams(question.hint), question)),
    confirm: async (message, hint) => {
      const { confirm } = await import('@clack/prompts')
      return answered<boolean>(await confirm({ message, initialValue: false, ...streams(hint) }))
    },
  }
}

async function askOn(
  streams: Streams,
  { message, secret, check }: Question,
): Promise<string | symbol> {
  const { password, text } = await import('@clack/prompts')
  const validate = (answer: string | undefined) => check?.(answer ?? '')
  return secret
    ? password({ message, validate, ...streams })
    : text({ message, validate, ...streams })
}

/** Clack answers a symbol when the question was left with Control-C or Escape. */
function answered<T extends string | boolean>(answer: T | symbol): T {
  if (typeof answer === 'symbol') throw new WalletError('interrupted', 'interrupted')
  return answer
}

function controllingTerminal(): Streams | undefined {
  try {
    return {
      input: new ReadStream(openSync('/dev/tty', 'r')),
      output: new WriteStream(openSync('/dev/tty', 'w')),
    }
  } catch {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
    return { input: process.stdin, output: process.stderr as unknown as WriteStream }
  }
}
