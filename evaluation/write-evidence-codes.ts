import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../shared/package-root.ts'
import { renderEvidenceCodes } from './evidence-codes.ts'

await writeFile(join(packageRoot, 'docs/evidence-codes.md'), renderEvidenceCodes())
