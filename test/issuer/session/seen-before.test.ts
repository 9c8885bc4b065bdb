import { expect } from 'chai'
import { openSeenDocumentsFile } from '../../../issuer/evidence/document/seen-documents.sqlite.ts'
import { evidenceWith, fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import { beginSession } from '../../support/issuer-client.ts'

describe('what an issuer has seen before', () => {
  const outcomeOf = async (issuer: TestIssuer, word: string) => {
    const worker = await beginSession(issuer.url)
    await worker.upload('document', `ok document ${word}`)
    await worker.upload('selfie', `ok selfie ${word}`)
    return (await worker.submit()).body.state
  }
  const other = evidenceWith({ fields: { family_name: 'ANDERS' } })

  it('refers a document that comes back with another name, where it is switched on', async () => {
    const pipeline = fixturePipeline()
    const { store, close } = openSeenDocumentsFile(':memory:')
    const seen = { store, key: Buffer.alloc(32, 3), seconds: 86_400 }
    const issuer = await openIssuer(pipeline, { seen })
    expect(await outcomeOf(issuer, 'one')).to.equal('approved')
    expect(await outcomeOf(issuer, 'two')).to.equal('approved')
    pipeline.evidence = other
    expect(await outcomeOf(issuer, 'three')).to.equal('referred')
    await issuer.close()
    await close()
  })

  it('remembers nothing by default', async () => {
    const pipeline = fixturePipeline()
    const issuer = await openIssuer(pipeline)
    expect(await outcomeOf(issuer, 'one')).to.equal('approved')
    pipeline.evidence = other
    expect(await outcomeOf(issuer, 'two')).to.equal('approved')
    await issuer.close()
  })
}).timeout(20_000)
