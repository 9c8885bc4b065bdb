import { expect } from 'chai'
import { signCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { noteVerifier } from '../../../shared/audit/note.ts'
import { namedFiles, withMembers } from '../../../shared/backup/config-files.ts'
import { lookAround } from '../../../shared/backup/published.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'

describe('lookAround', () => {
  const { signer } = generateEd25519Key()
  const log = noteVerifier('issuer.example/log', signer.publicJwk)
  const root = Buffer.alloc(32, 7)
  const checkpointOf = (size: number, by = signer) =>
    signCheckpoint({ origin: 'issuer.example/log', size, root }, by)
  const witness = { url: 'https://witness.example', verifier: log }

  it('hears marks, the served checkpoint and witnesses that have seen more (C2SP tlog-witness)', async () => {
    const served = await checkpointOf(12)
    const asked: string[] = []
    const { sightings, unreachable } = await lookAround({
      log,
      marks: { '/mark': await checkpointOf(11), '/absent': undefined },
      served: ['https://issuer.example/log/checkpoint'],
      witnesses: [witness],
      checkpoint: await checkpointOf(10),
      fetch: async (input, init) => {
        if (init?.method !== 'POST') return new Response(served)
        asked.push(`${input} ${String(init.body).split('\n')[0]}`)
        return new Response('14\n', { status: 409 })
      },
    })
    expect(sightings.map(({ by, size }) => [by, size])).to.deep.equal([
      ['the mark /mark', 11],
      ['https://issuer.example/log/checkpoint', 12],
      ['the witness https://witness.example', 14],
    ])
    expect(asked, 'with a size that was signed before').to.deep.equal([
      'https://witness.example/add-checkpoint old 10',
    ])
    expect(unreachable).to.deep.equal([])
  })

  it('counts for nothing what the log has not signed, and says who could not be asked', async () => {
    const { sightings, unreachable } = await lookAround({
      log,
      marks: { '/mark': await checkpointOf(11, generateEd25519Key().signer) },
      served: ['https://issuer.example/log/checkpoint'],
      witnesses: [witness],
      checkpoint: await checkpointOf(10),
      fetch: async (_input, init) => {
        if (init?.method === 'POST') return new Response('what?', { status: 404 })
        throw new Error('unreachable')
      },
    })
    expect(sightings).to.deep.equal([])
    expect(unreachable).to.have.lengthOf(3)
  })
})

describe('namedFiles', () => {
  const config = {
    key: 'key.pem',
    token: { pkcs11: { label: 'a' } },
    lists: [{ file: 'a.json' }, { file: 'b.json' }],
    source: 'https://issuer.example/trust-list',
  }
  const members = ['key', 'token', 'lists.*.file', 'source', 'absent.member']

  it('finds what members name, and takes no address for a file', () => {
    expect(namedFiles(config, members)).to.deep.equal([
      { member: 'key', path: 'key.pem' },
      { member: 'lists.0.file', path: 'a.json' },
      { member: 'lists.1.file', path: 'b.json' },
    ])
  })

  it('is answered by withMembers, which leaves the rest as it was', () => {
    const changed = withMembers(config, { 'lists.1.file': 'c.json', key: undefined })
    const { key: _key, ...rest } = config
    expect(changed).to.deep.equal({ ...rest, lists: [{ file: 'a.json' }, { file: 'c.json' }] })
    expect(config.lists[1]?.file).to.equal('b.json')
  })
})
