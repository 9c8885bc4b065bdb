import { openSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { ReadStream, WriteStream } from 'node:tty'
import { WalletError } from './error.ts'
import type { Question, Terminal } from './terminal.ts'
import { wrap } from './text.ts'

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
    note: (line) => {
      const { isTTY, columns } = process.stderr
      const lines = isTTY && line.length > columns ? wrap(line, columns) : [line]
      process.stderr.write(`${lines.join('\n')}\n`)
    },
    width: Math.min(tty?.output.columns ?? 80, 100),
    interactive: tty !== undefined,
    ask: async (question) => answered(await askOn(streams(question.hint), question)),
    confirm: async (message, hint) => {
      const { confirm } = await import('@clack/prompts')
      const { input, output } = streams(hint)
      await discardTyped(input)
      return answered<boolean>(await confirm({ message, initialValue: false, input, output }))
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

/** Keys that were pressed before the question was there do not answer it. */
async function discardTyped(input: ReadStream): Promise<void> {
  const discard = (): void => {}
  input.setRawMode(true)
  input.on('data', discard)
  await delay(50)
  input.off('data', discard)
  input.pause()
  input.setRawMode(false)
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
