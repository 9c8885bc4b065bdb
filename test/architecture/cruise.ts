import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../shared/package-root.ts'

/** What dependency-cruiser saw: how many modules, and each violation as `rule: from -> to`. */
export interface Cruise {
  readonly modules: number
  readonly violations: readonly string[]
}

interface Report {
  summary: {
    totalCruised: number
    violations: { rule: { name: string }; from: string; to: string }[]
  }
}

/** Runs the repository's dependency rules over `roots` below `folder`. */
export function cruise(folder: string, roots: readonly string[]): Cruise {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(packageRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      join(packageRoot, '.dependency-cruiser.cjs'),
      '--output-type',
      'json',
      ...roots,
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 256 << 20 },
  )
  if (!stdout) throw new Error(`dependency-cruiser did not run: ${stderr}`)
  const { summary } = JSON.parse(stdout) as Report
  return {
    modules: summary.totalCruised,
    violations: summary.violations.map((v) => `${v.rule.name}: ${v.from} -> ${v.to}`),
  }
}
