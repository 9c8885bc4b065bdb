import { expect } from 'chai'
import { IDENTITY_VCT } from '../../issuer/credential/identity.ts'
import { openFaceStoreDatabase } from '../../issuer/evidence/face/face-store.postgres.ts'
import { openFaceStoreFile } from '../../issuer/evidence/face/face-store.sqlite.ts'
import { openIssuerStorage } from '../../issuer/storage.postgres.ts'
import { systemRandom } from '../../shared/random.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { refuses } from '../support/refusal.ts'
import { faceStoreContract } from './face-store.ts'

describe('faces on PostgreSQL', () => {
  it('are refused the schema of an issuer, and live in one of their own', async () => {
    const url = await postgresDatabase()
    const options = { baseUrl: 'https://issuer.example', vct: IDENTITY_VCT, random: systemRandom }
    const storage = await openIssuerStorage(url, options)
    await refuses('database_newer', () => openFaceStoreDatabase(url))
    const { store, close } = await openFaceStoreDatabase(await postgresDatabase())
    expect((await store.changes(undefined)).kept).to.deep.equal([])
    await close()
    await storage.close()
  })
})

faceStoreContract('SQLite', async () => openFaceStoreFile(':memory:'))
faceStoreContract('PostgreSQL', async () => openFaceStoreDatabase(await postgresDatabase()))
