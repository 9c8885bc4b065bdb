import { join } from 'node:path'
import { killedAtEveryStep } from './issuer-killed.ts'

killedAtEveryStep('SQLite', async (folder) => join(folder, 'issuer.sqlite'))
