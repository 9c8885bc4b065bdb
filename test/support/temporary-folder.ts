import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a folder for one test file; call `remove` in `after`. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'carnet-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
