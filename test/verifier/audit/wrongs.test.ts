import { expect } from 'chai'
import type { Request, Response } from 'express'
import { signCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { appendEntry } from '../../../shared/audit/log.sqlite.ts'
import { hashLeaf } from '../../../shared/audit/merkle.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { writeStatus } from '../../../shared/status-list/bits.ts'
import type { StatusReference } from '../../../shared/status-list/reference.ts'
import { signStatusListToken } from '../../../shared/status-list/token.ts'
import { type AuditState, auditOnce, NEW_AUDIT } from '../../../verifier/audit/audit.ts'
import { compareViews } from '../../../verifier/audit/compare.ts'
import type { Finding } from '../../../verifier/audit/finding.ts'
import { openPublicSource } from '../../../verifier/audit/source.ts'
import { parseState, renderState } from '../../../verifier/audit/state.ts'
import { type AuditedIssuer, openAuditedIssuer } from '../../support/audited-issuer.ts'
import { NOW, testAuthority } from '../../support/pki.ts'
import { publishWrong, type Wrong } from '../../support/wrong-publisher.ts'

/** Each test commits one wrong, and the tool must name that one and no other, from what is public alone. */
describe('carnet-audit on a dishonest issuer', () => {
  let issuer: AuditedIssuer
  let reference: StatusReference
  let state: AuditState

  const audit = async (): Promise<readonly Finding[]> => {
    const result = await auditOnce(issuer.source, issuer.vkey, { state, now: issuer.now })
    // What is kept between two runs is what the next one sees.
    state = parseState(renderState(result.state))
    return result.findings
  }
  const rules = (findings: readonly Finding[]): string[] => [
    ...new Set(findings.map(({ rule }) => rule)),
  ]
  /** Publishes all lists honestly but the one, which gets the wrong. */
  const commit = async (wrong: Wrong): Promise<readonly Finding[]> => {
    issuer.now += 300
    const { store } = issuer.publisher
    const wronged = reference.uri.split('/').at(-1)
    const others = async (now: number) =>
      (await store.publishedLists(now)).filter((list) => list !== wronged)
    await issuer.publishWith({ ...store, publishedLists: others })
    await publishWrong(issuer, reference.uri, wrong)
    return audit()
  }

  beforeEach(async () => {
    issuer = await openAuditedIssuer()
    state = NEW_AUDIT
    reference = issuer.allocate(1)[0] as StatusReference
    issuer.now = NOW + 300
    issuer.change(reference, 'revoked')
    await issuer.publish()
    expect(await audit()).to.deep.equal([])
    issuer.now = NOW + 600
    await issuer.publish()
    expect(await audit()).to.deep.equal([])
  })
  afterEach(() => issuer.close())

  it('takes a publication between reading the log and reading its lists for honest', async () => {
    let published = false
    const busy: typeof issuer.source = {
      ...issuer.source,
      list: async (uri, form) => {
        if (!published) await issuer.publish()
        published = true
        return issuer.source.list(uri, form)
      },
    }
    issuer.now = NOW + 900
    const first = await auditOnce(busy, issuer.vkey, { state: NEW_AUDIT, now: issuer.now })
    expect(first.findings).to.deep.equal([])
    expect(published).to.equal(true)
  })

  it('names an un-revocation and the index that came back (R5)', async () => {
    const findings = await commit({
      list: (list) => {
        writeStatus(list, { bits: 2, idx: reference.idx, status: 0 })
        return list
      },
    })
    expect(rules(findings)).to.deep.equal(['un_revocation'])
    expect(findings[0]?.detail).to.equal(`1 revoked entries came back: ${reference.idx}`)
    expect(findings[0]?.list).to.equal(reference.uri)
    expect(findings[0]?.leaf).to.be.a('number')
  })

  it('names an un-revocation by suspension too (R5)', async () => {
    const findings = await commit({
      list: (list) => {
        writeStatus(list, { bits: 2, idx: reference.idx, status: 2 })
        return list
      },
    })
    expect(rules(findings)).to.deep.equal(['un_revocation'])
  })

  it('names back-dating by its own clock (R4)', async () => {
    issuer.now = NOW + 880
    expect(await audit()).to.deep.equal([])
    issuer.now = NOW + 900 - 300
    const findings = await commit({ iat: NOW + 700 })
    expect(rules(findings)).to.deep.equal(['back_dating'])
    expect(findings[0]?.detail).to.equal(
      `iat ${NOW + 700}, but the log did not have it at ${NOW + 880}`,
    )
  })

  it('names a publication with an earlier iat than the one before (R4)', async () => {
    const findings = await commit({ iat: NOW + 590 })
    expect(rules(findings)).to.deep.equal(['back_dating'])
  })

  it('names a publication from the future (R4)', async () => {
    issuer.now = NOW + 600
    const findings = await commit({ iat: NOW + 900 + 120 })
    expect(rules(findings)).to.include('back_dating')
  })

  it('names a gap in which no token was valid (R9)', async () => {
    issuer.now = NOW + 600 + 3601 - 300
    const findings = await commit({})
    expect(rules(findings)).to.deep.equal(['coverage_gap'])
  })

  it('names a publication that is late by the declared cadence (R9)', async () => {
    issuer.now = NOW + 600 + 500 - 300
    const findings = await commit({})
    expect(rules(findings)).to.deep.equal(['late_publication'])
    expect(findings).to.have.length(2)
  })

  it('names a list on which nothing is published any more (R9)', async () => {
    issuer.now = NOW + 1200
    expect(rules(await audit())).to.deep.equal(['late_publication'])
  })

  it('asks again when a connection breaks, and names a list that cannot be reached (R9)', async () => {
    for (const [failures, expected] of [
      [2, []],
      [3, ['list_unreachable']],
    ] as const) {
      let left = failures as number
      const flaky = openPublicSource(issuer.url, (input, init) => {
        if (String(input) !== reference.uri || left-- <= 0) return fetch(input, init)
        return Promise.reject(new TypeError('socket hang up'))
      })
      const { findings } = await auditOnce(flaky, issuer.vkey, { state, now: issuer.now })
      expect(rules(findings)).to.deep.equal(expected)
    }
  })

  it('takes a list that the log retires for ended, and no later publication of it for honest', async () => {
    issuer.now = NOW + 5000
    appendEntry(issuer.db, { type: 'status.retired', at: issuer.now, list: reference.uri })
    const ended = reference.uri.split('/').at(-1)
    const { store } = issuer.publisher
    const rest = async (now: number) =>
      (await store.publishedLists(now)).filter((list) => list !== ended)
    await issuer.publishWith({ ...store, publishedLists: rest })
    const findings = await audit()
    expect(findings.map(({ list }) => list)).not.to.include(reference.uri)
    await publishWrong(issuer, reference.uri, {})
    expect(rules(await audit())).to.deep.equal(['sequence_broken'])
  })

  it('names a list that became smaller (R1)', async () => {
    const findings = await commit({ list: (list) => list.subarray(0, 512), size: 2048 })
    expect(rules(findings)).to.include('shrinking_list')
  })

  it('names indexes that are given one after the other (R10)', async () => {
    const front = (list: Uint8Array): Uint8Array => {
      for (let idx = 0; idx < 40; idx++) writeStatus(list, { bits: 2, idx, status: 1 })
      return list
    }
    const findings = await commit({ list: front, leaf: (leaf) => ({ ...leaf, herd: 10 }) })
    expect(rules(findings)).to.deep.equal(['predictable_index'])
    expect(findings[0]?.detail).to.match(/^4\d of 4\d set entries are below index 256 of 4096$/)
    expect(findings[0]?.list).to.equal(reference.uri)
    expect(findings[0]?.leaf).to.be.a('number')
  })

  for (const [what, wrong] of [
    ['is larger than the list', { leaf: (leaf: object) => ({ ...leaf, herd: 10_000 }) }],
    ['is not said any more', { leaf: ({ herd: _, ...leaf }: { herd?: number }) => leaf }],
    [
      'is smaller than what is set',
      {
        list: (list: Uint8Array) => {
          for (let idx = 0; idx < 4096; idx += 128) writeStatus(list, { bits: 2, idx, status: 1 })
          return list
        },
      },
    ],
  ] as const) {
    it(`names a crowd that ${what} (R10)`, async () => {
      expect(rules(await commit(wrong))).to.deep.equal(['herd_misstated'])
    })
  }

  it('names a crowd that became smaller (R10)', async () => {
    expect(await commit({ leaf: (leaf) => ({ ...leaf, herd: 100 }) })).to.deep.equal([])
    expect(rules(await commit({}))).to.deep.equal(['herd_misstated'])
  })

  it('names a token under a key that the trust list does not vouch for (R11)', async () => {
    const stranger = await testAuthority('attestation', 'Stranger')
    expect(rules(await commit({ key: await stranger.leaf() }))).to.deep.equal(['wrong_key'])
  })

  it('names a token under a chain for another role (R11)', async () => {
    const key = await issuer.authority.leaf({ role: 'relying-party-access' })
    expect(rules(await commit({ key }))).to.deep.equal(['wrong_key'])
  })

  it('names a token with a signature of another token (R11)', async () => {
    const token = (text: string) => `${text.slice(0, -86)}${'A'.repeat(86)}`
    expect(rules(await commit({ token }))).to.deep.equal(['wrong_key'])
  })

  it('names a token that cannot be decoded (R11)', async () => {
    const findings = await commit({ token: (text) => text.replaceAll('.', '!') })
    expect(rules(findings)).to.deep.equal(['bad_encoding'])
  })

  it('names a token that the issuer does not show', async () => {
    const findings = await commit({ unarchived: true })
    expect(rules(findings)).to.deep.equal(['token_missing'])
  })

  it('names a token that is not the one that was logged', async () => {
    const findings = await commit({ archived: (text) => `${text}AAAA` })
    expect(rules(findings)).to.include('token_mismatch')
  })

  it('names a CWT that says something else than the JWT (R8)', async () => {
    const findings = await commit({
      cwtList: (list) => {
        writeStatus(list, { bits: 2, idx: reference.idx, status: 0 })
        return list
      },
    })
    expect(rules(findings)).to.deep.equal(['forms_differ'])
  })

  it('names a CWT that is not the one that was logged', async () => {
    const findings = await commit({ archivedCwt: (cwt) => cwt.subarray(1) })
    expect(rules(findings)).to.include('token_mismatch')
  })

  it('names a CWT that is served and not in the log', async () => {
    issuer.wrong = (request, response, next) => {
      if (!reference.uri.endsWith(request.path) || !request.accepts('application/statuslist+cwt')) {
        return next()
      }
      response.set('Content-Type', 'application/statuslist+cwt').end(Buffer.of(1))
    }
    expect(rules(await audit())).to.deep.equal(['unlogged_token'])
  })

  it('names a leaf whose root is of another list', async () => {
    const findings = await commit({ leaf: (leaf) => ({ ...leaf, root: leaf.sha256 }) })
    expect(rules(findings)).to.deep.equal(['token_mismatch'])
  })

  it('names a leaf that says another time than its token', async () => {
    const findings = await commit({ leaf: (leaf) => ({ ...leaf, exp: leaf.exp + 1 }) })
    expect(rules(findings)).to.deep.equal(['token_mismatch'])
  })

  it('names a publication that is missing from the chain', async () => {
    const findings = await commit({ leaf: (leaf) => ({ ...leaf, sequence: leaf.sequence + 1 }) })
    expect(rules(findings)).to.deep.equal(['sequence_broken'])
  })

  it('names a publication that continues another one than the last', async () => {
    const findings = await commit({ leaf: (leaf) => ({ ...leaf, previous: leaf.sha256 }) })
    expect(rules(findings)).to.deep.equal(['sequence_broken'])
  })

  it('names a leaf of another shape', async () => {
    const findings = await commit({ leaf: (leaf) => ({ ...leaf, person: 'x' }) })
    expect(rules(findings)).to.include('leaf_malformed')
  })

  it('names a token that is served and not in the log', async () => {
    const list = new Uint8Array(1024)
    const { now: iat } = issuer
    const claims = { uri: reference.uri, bits: 2 as const, list, iat, exp: iat + 3600, ttl: 300 }
    const secret = await signStatusListToken({ ...claims, ...issuer.signing })
    issuer.wrong = (request, response, next) => {
      if (!reference.uri.endsWith(request.path)) return next()
      response.set('Content-Type', request.get('Accept') ?? '').end(secret)
    }
    const findings = await audit()
    expect(rules(findings)).to.deep.equal(['unlogged_token'])
    expect(findings[0]?.list).to.equal(reference.uri)
  })

  it('names a list served as another media type (Token Status List §8.1)', async () => {
    const current = await issuer.publisher.store.current(reference.uri.split('/').at(-1) ?? '')
    issuer.wrong = (request, response, next) => {
      if (!reference.uri.endsWith(request.path)) return next()
      response.type('text/plain').end(current?.token)
    }
    expect(rules(await audit())).to.deep.equal(['bad_encoding'])
  })

  for (const [what, answer] of [
    ['asks for a credential', (response: Response) => response.status(401).end()],
    ['forbids', (response: Response) => response.status(403).end()],
  ] as const) {
    it(`names a list whose address ${what} (R12)`, async () => {
      issuer.wrong = (request, response, next) => {
        if (!reference.uri.endsWith(request.path)) return next()
        answer(response)
      }
      const findings = await audit()
      expect(rules(findings)).to.include('private_access')
      expect(findings[0]?.detail).to.include(reference.uri)
    })
  }

  for (const [what, path] of [
    ['a list', '/status/'],
    ['the log', '/log/checkpoint'],
  ] as const) {
    it(`names ${what} that sets a cookie (R12)`, async () => {
      issuer.wrong = (request, response, next) => {
        if (request.path.startsWith(path)) response.set('Set-Cookie', 'seen=1')
        next()
      }
      expect(rules(await audit())).to.deep.equal(['private_access'])
    })
  }

  it('names a log that asks who is there (R12)', async () => {
    issuer.wrong = (request, response, next) => {
      if (request.path === '/log/checkpoint') response.status(401).end()
      else next()
    }
    expect(rules(await audit())).to.deep.equal(['private_access'])
  })

  it('names a log that became shorter, with both checkpoints', async () => {
    const findings = await serveCheckpointOf([Buffer.from('one')])
    expect(rules(findings)).to.deep.equal(['log_inconsistent'])
    expect(findings[0]?.evidence).to.have.length(2)
  })

  it('names a log that rewrote an entry', async () => {
    issuer.now += 300
    const { db } = issuer
    db.exec('DROP TRIGGER audit_entry_is_append_only; DROP TRIGGER audit_checkpoint_is_final')
    db.exec('DELETE FROM audit_served; DELETE FROM audit_checkpoint; DELETE FROM audit_tile')
    db.prepare('UPDATE audit_entry SET entry = ? WHERE idx = 1').run(
      Buffer.from('{"at":1,"type":"x"}'),
    )
    appendEntry(db, { type: 'more', at: issuer.now })
    await issuer.publisher.log.publish(issuer.now)
    const findings = await audit()
    expect(rules(findings)).to.deep.equal(['log_inconsistent'])
    expect(findings[0]?.evidence).to.have.length(2)
  })

  it('names entries that are not those of the checkpoint', async () => {
    issuer.now += 300
    await issuer.publish()
    const { db } = issuer
    db.exec('DROP TRIGGER audit_entry_is_append_only')
    db.prepare(
      'UPDATE audit_entry SET entry = ? WHERE idx = (SELECT max(idx) FROM audit_entry)',
    ).run(Buffer.from('{"at":1,"type":"x"}'))
    expect(rules(await audit())).to.deep.equal(['log_malformed'])
  })

  it('names a checkpoint that another key signed', async () => {
    const { signer } = generateEd25519Key()
    const head = { origin: issuer.vkey.name, size: 1, root: hashLeaf(Buffer.from('x')) }
    const forged = await signCheckpoint(head, signer)
    issuer.wrong = (request, response, next) => {
      if (request.path === '/log/checkpoint') response.type('text/plain').send(forged)
      else next()
    }
    expect(rules(await audit())).to.deep.equal(['log_malformed'])
  })

  it('finds equivocation when two followers compare what they saw (R8)', async () => {
    const honest = state
    // The second vantage point is shown a tree of the same size with one other entry, signed by the same key.
    const shown = await issuer.publisher.log.checkpoint()
    const size = Number(shown?.split('\n')[1])
    const other = await issuer.signCheckpoint({ size, root: hashLeaf(Buffer.from('other')) })
    const split = parseState(renderState(honest))
    const seen: AuditState = {
      ...split,
      known: split.known && {
        ...split.known,
        text: other,
        checkpoint: { ...split.known.checkpoint, root: hashLeaf(Buffer.from('other')) },
      },
    }
    const findings = await compareViews(issuer.source, issuer.vkey, [honest, seen])
    expect(rules(findings)).to.deep.equal(['equivocation'])
    expect(findings[0]?.evidence).to.have.length(2)
    expect(await compareViews(issuer.source, issuer.vkey, [honest, honest])).to.deep.equal([])
  })

  it('finds no equivocation between an earlier and a later view of one log', async () => {
    const earlier = state
    issuer.now += 300
    await issuer.publish()
    await audit()
    expect(await compareViews(issuer.source, issuer.vkey, [state, earlier])).to.deep.equal([])
  })

  it('finds equivocation between views of two sizes', async () => {
    const other = await issuer.signCheckpoint({ size: 2, root: hashLeaf(Buffer.from('other')) })
    const seen: AuditState = {
      ...state,
      known: state.known && { ...state.known, text: other },
    }
    const findings = await compareViews(issuer.source, issuer.vkey, [seen, state])
    expect(rules(findings)).to.deep.equal(['equivocation'])
  })

  async function serveCheckpointOf(entries: readonly Buffer[]): Promise<readonly Finding[]> {
    const root = hashLeaf(entries[0] ?? Buffer.alloc(0))
    const checkpoint = await issuer.signCheckpoint({ size: 1, root })
    issuer.wrong = (request: Request, response, next) => {
      if (request.path === '/log/checkpoint') response.type('text/plain').send(checkpoint)
      else next()
    }
    return audit()
  }
})
