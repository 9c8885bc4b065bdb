import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../shared/package-root.ts'

export type ProgramName = 'carnet-issuer' | 'carnet-verifier' | 'carnet-wallet' | 'carnet-audit'

/** What a program that has ended left behind. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A program that serves HTTP until it is stopped. */
export interface Server {
  readonly url: string
  /** Asks it to end in good order and waits until it has. */
  stop(): Promise<void>
}

const READY_WITHIN_MS = 240_000
const POLL_MS = 50
/** How much of what a failed program said is shown. */
const MAX_LINES = 20

/** Nothing outlives the demo, however it ends. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Runs a program to its end. It never rejects for an exit code; the caller reads it. */
export async function run(
  name: ProgramName,
  args: readonly string[],
  { env = {} }: { env?: Record<string, string> } = {},
): Promise<Ended> {
  const child = start(name, args, env)
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const code = await ending(child)
  return { code, stdout: stdout(), stderr: stderr() }
}

/** Runs a program and answers its standard output. @throws Error with the program's own words when it fails */
export async function mustRun(
  name: ProgramName,
  args: readonly string[],
  options: { env?: Record<string, string> } = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(name, args, options)
  if (code !== 0) {
    const words = (stderr || stdout).trim().split('\n').slice(-MAX_LINES).join('\n')
    throw new Error(`${name} ${args[0]} ended with ${code}:\n${words}`)
  }
  return stdout
}

/** Starts a server and waits until its `/healthz` answers. @throws Error with its own words when it ends instead */
export async function serve(
  name: ProgramName,
  args: readonly string[],
  url: string,
  { env = {} }: { env?: Record<string, string> } = {},
): Promise<Server> {
  const child = start(name, args, env)
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const ended = ending(child)
  const deadline = performance.now() + READY_WITHIN_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(
        `${name} ended with ${child.exitCode ?? child.signalCode}:\n${stderr() || stdout()}`,
      )
    }
    if (await answers(`${url}/healthz`)) {
      return {
        url,
        stop: async () => {
          child.kill('SIGTERM')
          await ended
        },
      }
    }
    await sleep(POLL_MS)
  }
  child.kill('SIGKILL')
  throw new Error(`${name} did not answer at ${url} within ${READY_WITHIN_MS / 1000} s`)
}

/** A loopback port that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

function start(
  name: ProgramName,
  args: readonly string[],
  env: Record<string, string>,
): ChildProcess {
  const child = spawn(process.execPath, [join(packageRoot, 'bin', `${name}.mjs`), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

function collect(stream: ChildProcess['stdout']): () => string {
  const chunks: Buffer[] = []
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}

async function ending(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? -1)))
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}
