import { closeSync, openSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { ReadStream, WriteStream } from 'node:tty'
import { WalletError } from './error.ts'
import type { Question, Terminal } from './terminal.ts'
import { wrap } from './text.ts'

interface Streams {
  readonly input: ReadStream
  readonly output: WriteStream
}

const WIDEST = 100
/** Where a terminal does not say, or says 0. */
const USUAL = 80

/** The terminal of this process, if it has one. Questions are asked there: the streams of a pipeline are left alone. */
export function processTerminal(): Terminal {
  const columns = columnsOfTerminal()
  const note = (line: string): void => {
    const { isTTY, columns: room } = process.stderr
    const lines = isTTY && room > 0 && line.length > room ? wrap(line, room) : [line]
    process.stderr.write(`${lines.join('\n')}\n`)
  }
  return {
    print: (line) => process.stdout.write(`${line}\n`),
    note,
    tell: (line) => {
      if (columns === undefined || process.stderr.isTTY) note(line)
      else writeFileSync('/dev/tty', `${line}\n`)
    },
    width: Math.min(columns || USUAL, WIDEST),
    interactive: columns !== undefined,
    ask: (question) => onTerminal(question.hint, (streams) => askOn(streams, question)),
    confirm: (message, hint) =>
      onTerminal<boolean>(hint, async (streams) => {
        const { confirm } = await import('@clack/prompts')
        await discardTyped(streams.input)
        return confirm({ message, initialValue: false, ...streams })
      }),
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

/** Opens the terminal for one question. Clack answers a symbol when it was left with Control-C or Escape. */
async function onTerminal<T extends string | boolean>(
  hint: string,
  question: (streams: Streams) => Promise<T | symbol>,
): Promise<T> {
  const streams = openTerminal()
  if (!streams) throw new WalletError('answer_needed', 'there is no terminal to ask on', { hint })
  try {
    const answer = await question(streams)
    if (typeof answer === 'symbol') throw new WalletError('interrupted', 'interrupted')
    return answer
  } finally {
    streams.input.destroy()
    streams.output.destroy()
  }
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

function columnsOfTerminal(): number | undefined {
  const streams = openTerminal()
  streams?.input.destroy()
  streams?.output.destroy()
  return streams?.output.columns
}

/** POSIX.1-2017 §10.1: `/dev/tty` is the controlling terminal of a process, and cannot be opened where it has none. */
function openTerminal(): Streams | undefined {
  let read: number | undefined
  try {
    read = openSync('/dev/tty', 'r')
    return { input: new ReadStream(read), output: new WriteStream(openSync('/dev/tty', 'w')) }
  } catch {
    if (read !== undefined) closeSync(read)
    return undefined
  }
}
