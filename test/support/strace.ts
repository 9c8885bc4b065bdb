import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from 'mocha'

/** Skips a test, and says so where nobody reads what passed. */
export function skip(context: Context, reason: string): never {
  process.stderr.write(`SKIPPED, ${reason}: ${context.test?.fullTitle()}\n`)
  return context.skip()
}

export function hasStrace(): boolean {
  return spawnSync('strace', ['-V']).status === 0
}

/**
 * strace over all threads of a Node.js program whose work on files is on one thread, so that the n-th call of a run is the
 * n-th call of the next one too. Options for what is traced and the program follow.
 */
export const STRACE: readonly string[] = ['strace', '-f', '-E', 'UV_THREADPOOL_SIZE=1']

/** The words that run a command with `fault`, such as `signal=KILL`, at the call of each thread that is its `when`-th. */
export function injecting(syscall: string, fault: string, when: number): string[] {
  const inject = `inject=${syscall}:${fault}:when=${when}`
  return [...STRACE, '-o', '/dev/null', '-e', `trace=${syscall}`, '-e', inject]
}

/** How often the thread that makes a call most often makes it in a run that nothing disturbs: calls are counted by thread. */
export function countCalls(command: readonly string[], syscall: string, file: string): number {
  const [strace = '', ...words] = STRACE
  execFileSync(strace, [...words, '-o', file, '-e', `trace=${syscall}`, ...command], {
    stdio: 'ignore',
  })
  return mostByThread(readFileSync(file, 'utf8'), syscall.split(','))
}

/** How many of the calls `names` the thread made that made most, in what `strace -f -o FILE` wrote. */
export function mostByThread(trace: string, names: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const line of trace.split('\n')) {
    const [thread = '', call = ''] = line.trim().split(/\s+/, 2)
    if (!names.some((name) => call.startsWith(`${name}(`))) continue
    counts.set(thread, (counts.get(thread) ?? 0) + 1)
  }
  return Math.max(0, ...counts.values())
}

/**
 * Places from 1 to `count`, at most so many and evenly apart; all of them where `CARNET_FAULT_PLACES` is `all`, which takes
 * the better part of an hour.
 */
export function spreadOf(count: number, most: number): number[] {
  const places = process.env.CARNET_FAULT_PLACES === 'all' ? count : Math.min(count, most)
  return Array.from({ length: places }, (_, at) => 1 + Math.floor((at * count) / places))
}

/** Attaches to a process that runs, and to what it starts from then on, until it is detached. */
export async function attach(
  pid: number,
  words: readonly string[],
): Promise<{ detach(): Promise<void> }> {
  const child = spawn('strace', ['-f', '-p', String(pid), ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await said(child, 'attached')
  return {
    detach: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGINT')
      await exit
    },
  }
}

async function said(child: ChildProcess, word: string): Promise<void> {
  let text = ''
  child.stderr?.on('data', (chunk) => {
    text = `${text}${chunk}`.slice(-4000)
  })
  for (let waited = 0; waited < 200 && !text.includes(word); waited++) {
    if (child.exitCode !== null) break
    await sleep(10)
  }
  if (!text.includes(word)) throw new Error(`strace does not attach: ${text}`)
}
