import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from 'mocha'
import { packageRoot } from '../../shared/package-root.ts'

/**
 * The path of external material beside the checkout, such as `vectors/rfc9901-sd-jwt`. Skips the running test or
 * suite, and says on standard error what was not run, where the material is absent.
 */
export function external(context: Context, path: string): string {
  const full = join(packageRoot, '../shared', path)
  if (!existsSync(full)) {
    process.stderr.write(`SKIPPED, ../shared/${path} is absent: ${context.test?.fullTitle()}\n`)
    context.skip()
  }
  return full
}
