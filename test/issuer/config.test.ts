import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { issuerConfigSchema, issuerHostSchema, sharedByIssuers } from '../../issuer/config.ts'
import type { JsonObject } from '../../shared/json.ts'
import { packageRoot } from '../../shared/package-root.ts'

const page = readFileSync(join(packageRoot, 'docs/issuer.md'), 'utf8')
const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as JsonObject

describe('issuerConfigSchema', () => {
  const faults = (changes: object): string[] => {
    const result = issuerConfigSchema.safeParse({ ...example, ...changes })
    return result.success ? [] : result.error.issues.map(({ path }) => path.join('.'))
  }

  it('takes the example of docs/issuer.md, and fills in what it leaves out', () => {
    const config = issuerConfigSchema.parse(example)
    expect(config.listen).to.deep.equal({
      host: '127.0.0.1',
      port: 4100,
      trustedProxies: [],
    })
    expect(config.status.intervalSeconds).to.equal(300)
    expect(config.status.listSize).to.equal(1 << 20)
    expect(config.sessions).to.deep.equal({
      seconds: 1800,
      maxOpen: 1000,
      perMinute: 20,
      platformPerMinute: 600,
    })
    expect(config.watchlists).to.deep.equal([])
  })

  it('refuses an identifier with a path, a query or a trailing slash (OpenID4VCI 1.0 §12.2.1)', () => {
    for (const baseUrl of ['https://a.example/x', 'https://a.example/', 'https://a.example?b=c']) {
      expect(faults({ baseUrl }), baseUrl).to.deep.equal(['baseUrl'])
    }
    expect(faults({ baseUrl: 'https://a.example:8443' })).to.deep.equal([])
  })

  it('takes addresses and networks as proxies that are trusted, and nothing else', () => {
    const listen = (proxy: string) => ({ listen: { port: 4100, trustedProxies: [proxy] } })
    for (const proxy of ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8']) {
      expect(faults(listen(proxy)), proxy).to.deep.equal([])
    }
    for (const proxy of ['proxy', '10.0.0.0/33', '10.0.0.0/8/8', '1', 'true', '10.0.0.0/x']) {
      expect(faults(listen(proxy)), proxy).to.deep.equal(['listen.trustedProxies.0'])
    }
  })

  it('takes an address of the operator’s page that passkeys can be bound to, and no other (WebAuthn Level 3 §5.1.3)', () => {
    const at = (origin: string) => faults({ operator: { port: 9100, origin } })
    for (const origin of [
      'https://ops.example',
      'https://ops.example:8443',
      'http://localhost:9100',
    ]) {
      expect(at(origin), origin).to.deep.equal([])
    }
    for (const origin of [
      ...[
        'http://ops.example',
        'https://192.0.2.1',
        'http://127.0.0.1:9100',
        'https://[2001:db8::1]',
      ],
      ...['https://ops.example/operator', 'localhost:9100'],
    ]) {
      expect([...new Set(at(origin))], origin).to.deep.equal(['operator.origin'])
    }
  })

  it('holds what a host says for all its tenants, and what it leaves out for none', () => {
    const shared = (host: object) =>
      sharedByIssuers(
        issuerHostSchema.parse({ listen: { port: 1 }, tenants: { north: 'n.json' }, ...host }),
        (path) => `/host/${path}`,
      )
    expect(shared({})).to.deep.equal({
      listen: { host: '127.0.0.1', port: 1, trustedProxies: [] },
      operator: null,
      stop: { drainSeconds: 2 },
      logLevel: 'info',
      evidence: { undocumentedModels: true, workers: 2, manifest: null },
    })
    const said = shared({
      operator: { port: 2 },
      evidence: { manifest: 'models.json', workers: 3 },
    })
    expect(said.operator).to.deep.equal({
      ...{ host: '127.0.0.1', port: 2, origin: null, accounts: null },
    })
    expect(said.evidence).to.include({ manifest: '/host/models.json', workers: 3 })
    const wrong = { listen: { port: 1 }, tenants: { north: 'n.json' }, database: 'mine.db' }
    expect(issuerHostSchema.safeParse(wrong).success).to.equal(false)
  })

  it('needs a database for the accounts of a page that shows several tenants', () => {
    const host = (operator: object) =>
      issuerHostSchema.safeParse({
        listen: { port: 1 },
        tenants: { north: 'north.json' },
        operator,
      })
    const origin = 'https://ops.example'
    expect(
      host({ port: 9100, origin }).error?.issues.map(({ path }) => path.join('.')),
    ).to.deep.equal(['operator.accounts'])
    const given = host({ port: 9100, origin, accounts: 'accounts.db' })
    const shared = sharedByIssuers(given.data ?? expect.fail('refused'), (path) => `/host/${path}`)
    expect(shared.operator).to.include({ origin, accounts: '/host/accounts.db' })
    expect(host({ port: 9100 }).success).to.equal(true)
  })

  it('refuses a rhythm that leaves times without a valid list', () => {
    const status = { intervalSeconds: 60, validitySeconds: 60 }
    expect(faults({ status })).to.deep.equal(['status'])
  })

  it('refuses to screen against nothing, a digest that is none, and what it does not know', () => {
    expect(faults({ watchlists: [] })).to.deep.equal(['watchlists'])
    expect(faults({ watchlists: [{ file: 'a', sha256: 'b' }] })).to.deep.equal([
      'watchlists.0.sha256',
    ])
    expect(faults({ later: 1 })).to.deep.equal([''])
    expect(faults({ authority: { name: 'A', country: 'Utopia' } })).to.deep.equal([
      'authority.country',
    ])
  })
})
