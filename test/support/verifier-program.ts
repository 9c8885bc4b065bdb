import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sha256Hex } from '../../shared/hash.ts'
import { generateEd25519Key, generateEs256Key } from '../../shared/key/signer.software.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { pemOfX5c } from '../../shared/trust/pem-chain.ts'
import { freePort } from './free-port.ts'
import type { Ecosystem } from './platform.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** What a process printed, and how it ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The real program in a folder of its own, with keys, a certificate and a trust list of an ecosystem. */
export interface VerifierProgram {
  readonly url: string
  readonly key: string
  at(name: string): string
  /** Writes a configuration with members changed and answers its path. */
  config(name: string, change?: object): string
  start(args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> }
  run(args: readonly string[]): Promise<Ended>
  untilHealthy(): Promise<void>
  /** Kills what still runs and removes the folder. */
  remove(): void
}

export async function verifierProgram(ecosystem: Ecosystem): Promise<VerifierProgram> {
  const folder = temporaryFolder()
  const at = (name: string): string => join(folder.path, name)
  const started: ChildProcess[] = []
  const key = 'a-platform-key'
  const access = generateEs256Key()
  const { x5c } = await ecosystem.access.leaf({ signer: access.signer, sanDns: ['driver.example'] })
  writeFileSync(at('access.pem'), access.pkcs8, { mode: 0o600 })
  writeFileSync(at('chain.pem'), pemOfX5c(x5c))
  writeFileSync(at('trust-list.jwt'), ecosystem.trustList)
  writeFileSync(at('log.pem'), generateEd25519Key().pkcs8, { mode: 0o600 })
  writeFileSync(at('signer.jwk.json'), JSON.stringify(ecosystem.trustListSigner.publicJwk))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`

  const start: VerifierProgram['start'] = (args) => {
    const program = join(packageRoot, 'bin/carnet-verifier.mjs')
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    started.push(child)
    return { child, ended: ending(child) }
  }
  return {
    url,
    key,
    at,
    config: (name, change = {}) => {
      const config = {
        baseUrl: url,
        listen: { port },
        database: 'verifier.db',
        access: { key: 'access.pem', chain: 'chain.pem' },
        trustList: { source: 'trust-list.jwt', signer: 'signer.jwk.json' },
        logKey: 'log.pem',
        apiKeys: [{ name: 'backend', sha256: sha256Hex(key) }],
        ...change,
      }
      writeFileSync(at(name), JSON.stringify(config))
      return at(name)
    },
    start,
    run: (args) => start(args).ended,
    untilHealthy: async () => {
      for (let attempt = 0; attempt < 400; attempt++) {
        if (await isHealthy(url)) return
        await sleep(25)
      }
      throw new Error('the verifier did not become healthy')
    },
    remove: () => {
      for (const child of started) child.kill('SIGKILL')
      folder.remove()
    },
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`)).ok
  } catch {
    return false
  }
}

async function ending(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}
