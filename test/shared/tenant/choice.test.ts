import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { Command } from 'commander'
import { z } from 'zod'
import { OperatorError } from '../../../shared/operator-error.ts'
import { identifyDatabase } from '../../../shared/store/database.postgres.ts'
import {
  type ConfigChoice,
  ofTenant,
  readChosen,
  readTenants,
  sourcesOf,
  type Tenancy,
} from '../../../shared/tenant/choice.ts'
import { addTenants } from '../../../shared/tenant/commands.ts'
import { databaseIdentity, refuseShared } from '../../../shared/tenant/refuse-shared.ts'
import { tenantsSchema } from '../../../shared/tenant/settings.ts'
import { failureOf } from '../../support/failure.ts'
import { postgresDatabase } from '../../support/postgres.ts'
import { refuses } from '../../support/refusal.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const listen = z.strictObject({ port: z.int() })
const schema = z.strictObject({ name: z.string(), listen })
const hostSchema = z.strictObject({ listen, tenants: tenantsSchema })

describe('configurations of several tenants', () => {
  const folder = temporaryFolder()
  const at = (path: string) => join(folder.path, path)
  const env: Record<string, string> = {}
  const tenancy: Tenancy<z.output<typeof hostSchema>> = {
    schema: hostSchema,
    env,
    prefix: 'TEST_',
    shared: (host) => ({ listen: host.listen }),
  }
  const write = (path: string, value: unknown) => writeFileSync(at(path), JSON.stringify(value))

  before(() => {
    write('north.json', { name: 'the north' })
    write('south.json', { name: 'the south', listen: { port: 7 } })
    write('host.json', {
      listen: { port: 1 },
      tenants: { north: 'north.json', south: 'south.json' },
    })
    write('alone.json', { name: 'nobody else', listen: { port: 2 } })
  })
  after(() => folder.remove())
  afterEach(() => {
    for (const name of Object.keys(env)) delete env[name]
  })

  it('are each tenant’s own file, with what the host says for all over it', () => {
    const tenants = readTenants(schema, at('host.json'), tenancy)
    expect(tenants.map(({ name, config }) => [name, config])).to.deep.equal([
      ['north', { name: 'the north', listen: { port: 1 } }],
      ['south', { name: 'the south', listen: { port: 1 } }],
    ])
    expect(tenants[0].at('key.pem')).to.equal(at('key.pem'))
  })

  it('have nothing from a tenant’s file that the host leaves out', () => {
    write('own.json', { name: 'own', listen: { port: 2, extra: 1 }, operator: { port: 3 } })
    write('over.json', { listen: { port: 1 }, tenants: { own: 'own.json' } })
    const wide = z.looseObject({ listen: z.looseObject({ port: z.int() }) })
    const [own] = readTenants(wide, at('over.json'), {
      ...tenancy,
      shared: (host) => ({ listen: { ...host.listen, extra: null }, operator: null }),
    })
    expect(own.config).to.deep.equal({ name: 'own', listen: { port: 1 } })
  })

  it('are found one by one', () => {
    const choice = { host: at('host.json'), tenant: 'south' }
    expect(readTenants(schema, choice, tenancy)).to.have.length(1)
    expect(readChosen(schema, choice, tenancy).config.name).to.equal('the south')
  })

  it('are not there for a program without tenants, which has no name for itself', () => {
    const [alone, ...others] = readTenants(schema, at('alone.json'), tenancy)
    expect([alone.name, alone.config.name, others]).to.deep.equal([undefined, 'nobody else', []])
  })

  it('take variables for the host alone', () => {
    env.TEST_LISTEN__PORT = '9'
    const [north] = readTenants(schema, at('host.json'), tenancy)
    expect(north.config.listen.port).to.equal(9)
    env.TEST_NAME = 'somebody'
    expect(readTenants.bind(null, schema, at('host.json'), tenancy)).to.throw(/wrong/)
  })

  it('are refused where it is not clear which one is meant, or there is none', async () => {
    const choices: readonly ConfigChoice[] = [
      at('host.json'),
      { host: at('host.json'), tenant: 'west' },
      { host: at('host.json'), tenant: 'constructor' },
      { host: at('alone.json'), tenant: 'north' },
      { host: undefined, tenant: 'north' },
    ]
    for (const choice of choices) {
      await refuses('config_invalid', () => sourcesOf(choice, tenancy))
    }
    write('none.json', { listen: { port: 1 }, tenants: {} })
    write('odd.json', { listen: { port: 1 }, tenants: { 'NO RTH': 'north.json' } })
    for (const path of ['none.json', 'odd.json']) {
      await refuses('config_invalid', () => readTenants(schema, at(path), tenancy))
    }
  })

  it('say whose fault it is', async () => {
    write('bad.json', { nome: 'misspelt' })
    write('broken.json', { listen: { port: 1 }, tenants: { south: 'south.json', bad: 'bad.json' } })
    expect(() => readTenants(schema, at('broken.json'), tenancy)).to.throw(/tenant bad: .*nome/)
    const mendable = Promise.reject(new OperatorError('key_invalid', 'no key', { hint: 'make it' }))
    expect(await failureOf(ofTenant('north', () => mendable))).to.include({
      message: 'tenant north: no key',
      hint: 'make it',
    })
    const defect = new Error('a defect')
    expect(await failureOf(ofTenant('north', () => Promise.reject(defect)))).to.equal(defect)
  })

  it('have nothing in common that is of one tenant alone', () => {
    const tenants = (database: string) => [
      { name: 'north', own: [['address', 'a'] as const, ['database', 'x'] as const] },
      { name: 'south', own: [['address', 'x'] as const, ['database', database] as const] },
    ]
    expect(() => refuseShared(tenants('y'))).to.not.throw()
    expect(() => refuseShared(tenants('x'))).to.throw(/north and south have the same database/)
  })

  it('have one database where their addresses lead to one, however they are written', async () => {
    const own = async (database: string) => [
      ['database', await databaseIdentity(database, { at, identify: identifyDatabase })] as const,
    ]
    const shared = async (one: string, other: string) =>
      refuseShared([
        { name: 'north', own: await own(one) },
        { name: 'south', own: await own(other) },
      ])
    const [url, elsewhere] = [await postgresDatabase(), await postgresDatabase()]
    const written = new URL(url)
    const schema = written.searchParams.get('options')?.split('=')[1] ?? ''
    written.search = ''
    const plain = written.href
    const named = new URL(`${plain}?schema=${schema}`)
    named.hostname = 'localhost'
    const escaped = `${plain.replace('/carnet_', '/%63arnet_')}?schema=${schema}&application_name=x`
    for (const other of [named.href, escaped, url.replace('postgres:', 'postgresql:')]) {
      const refusal = await failureOf(shared(url, other))
      expect(refusal.message, other).to.equal('north and south have the same database')
    }
    expect((await failureOf(shared(plain, `${plain}?schema=public`))).message).to.equal(
      'north and south have the same database',
    )
    await shared(url, elsewhere)
    await shared(url, plain)
    write('x.db', {})
    await failureOf(shared('sqlite:x.db', './x.db'))
    await shared('x.db', 'y.db')
  })

  it('are what --tenant means at every command that takes --config', async () => {
    const given: unknown[] = []
    const root = new Command('program')
    const keys = root.command('keys')
    keys
      .command('list')
      .option('--config <FILE>')
      .action(({ config }) => void given.push(config))
    root.command('other').action(() => void given.push('other'))
    addTenants(root)
    await root.parseAsync(['keys', 'list', '--config', 'h', '--tenant', 'north'], { from: 'user' })
    await root.parseAsync(['other'], { from: 'user' })
    expect(given).to.deep.equal([{ host: 'h', tenant: 'north' }, 'other'])
    const alone = new Command('program')
    alone
      .command('list')
      .option('--config <FILE>')
      .action(({ config }) => void given.push(config))
    addTenants(alone)
    await alone.parseAsync(['list', '--config', 'h'], { from: 'user' })
    expect(given.at(-1)).to.equal('h')
  })
})
