import { expect } from 'chai'
import { openSeenDocumentsDatabase } from '../../issuer/evidence/document/seen-documents.postgres.ts'
import { openSeenDocumentsFile } from '../../issuer/evidence/document/seen-documents.sqlite.ts'
import { sightingOf } from '../../issuer/evidence/document/seen-documents.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { seenDocumentsContract } from './seen-documents.ts'

seenDocumentsContract('SQLite', async () => openSeenDocumentsFile(':memory:'))
seenDocumentsContract('PostgreSQL', async () => openSeenDocumentsDatabase(await postgresDatabase()))

describe('sightingOf', () => {
  const field = (value: string) => ({ value, source: 'mrz', confidence: 1 }) as const
  const document = {
    type: 'TD3',
    fields: {
      document_number: field('L898902C3'),
      family_name: field('MUSTERFRAU'),
      birthdate: field('1990-02-28'),
    },
  } as const
  const portrait = new Map([['network', Float32Array.from({ length: 64 }, (_, i) => i - 31.5)]])

  it('holds keyed digests alone, others under another key', () => {
    const one = sightingOf(Buffer.alloc(32, 1), { sessionId: 's', document, portrait })
    const other = sightingOf(Buffer.alloc(32, 2), { sessionId: 's', document, portrait })
    expect(JSON.stringify(one)).to.not.match(/L898902C3|MUSTERFRAU|1990/)
    expect(one?.document).to.not.equal(other?.document)
    expect(one?.portrait.some((part) => other?.portrait.includes(part))).to.equal(false)
  })

  it('has nothing to say of a document without a number', () => {
    const { document_number: _, ...fields } = document.fields
    const without = { type: 'TD3', fields } as const
    const key = Buffer.alloc(32, 1)
    expect(sightingOf(key, { sessionId: 's', document: without, portrait })).to.equal(undefined)
  })
})
