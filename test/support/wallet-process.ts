import { type ChildProcess, spawn } from 'node:child_process'
import { packageRoot } from '../../shared/package-root.ts'

/** How one run of the program ended. */
export interface Ended {
  /** The exit status, or `undefined` when it was killed. */
  readonly status: number | undefined
  readonly out: string
  readonly err: string
}

/** A run of `carnet-wallet` that is going on. */
export interface WalletProcess {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

/** Starts the built program as a process of its own session, so that it finds no terminal to ask on. */
export function startWallet(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): WalletProcess {
  const child = spawn(process.execPath, ['bin/carnet-wallet.mjs', ...argv], {
    cwd: packageRoot,
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ status: code ?? undefined, out, err }))
  })
  return { child, ended }
}
