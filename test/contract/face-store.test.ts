import { openFaceStoreDatabase } from '../../issuer/evidence/face/face-store.postgres.ts'
import { openFaceStoreFile } from '../../issuer/evidence/face/face-store.sqlite.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { faceStoreContract } from './face-store.ts'

faceStoreContract('SQLite', async () => openFaceStoreFile(':memory:'))
faceStoreContract('PostgreSQL', async () => openFaceStoreDatabase(await postgresDatabase()))
