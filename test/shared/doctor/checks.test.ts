import { expect } from 'chai'
import {
  addressFindings,
  certificateFindings,
  clockFindings,
  diskFindings,
  reachFindings,
  runtimeFindings,
  schemaFindings,
  secretFindings,
  trustListFindings,
} from '../../../shared/doctor/checks.ts'
import { examine, type Finding, ok } from '../../../shared/doctor/finding.ts'
import type { Machine } from '../../../shared/doctor/machine.ts'
import { OperatorError } from '../../../shared/operator-error.ts'
import { NOW } from '../../support/pki.ts'

const DAY = 86_400
const verdicts = (findings: readonly Finding[]) => findings.map(({ verdict }) => verdict)

describe('the checks of an examination', () => {
  for (const [version, verdict] of [
    ['18.20.0', 'wrong'],
    ['20.18.9', 'wrong'],
    ['20.19.0', 'ok'],
    ['20.19.1', 'ok'],
    ['24.0.0', 'ok'],
  ] as const) {
    it(`finds Node.js ${version} ${verdict}`, () => {
      expect(verdicts(runtimeFindings({ nodeVersion: version }))).to.deep.equal([verdict])
    })
  }

  it('tells room on the disk in three degrees, and a folder that is not there', () => {
    const with_ = (free: number | undefined) => ({ freeBytes: () => free }) as unknown as Machine
    const found = [undefined, 10 << 20, 500 << 20, 2 ** 40].flatMap((free) =>
      verdicts(diskFindings(with_(free), 'the database', '/data/issuer.sqlite')),
    )
    expect(found).to.deep.equal(['wrong', 'wrong', 'weak', 'ok'])
  })

  it('names the file of a key that others may read, with the command that mends it', () => {
    const machine = {
      isReadByOthers: (path: string) => (path === 'absent' ? undefined : path === 'open.pem'),
    } as unknown as Machine
    expect(verdicts(secretFindings(machine, ['a.pem']))).to.deep.equal(['ok'])
    expect(secretFindings(machine, ['a.pem', 'absent'])[0]?.message).to.equal('absent is not there')
    const [found] = secretFindings(machine, ['a.pem', 'open.pem'])
    expect(found).to.deep.include({ verdict: 'wrong', remedy: 'chmod 600 open.pem' })
  })

  it('says 30 days before the end of a certificate that it ends', () => {
    const at = (days: number) => certificateFindings('it', NOW + days * DAY, NOW, 'renew it')
    expect([at(31), at(29), at(-1)].flatMap(verdicts)).to.deep.equal(['ok', 'weak', 'wrong'])
  })

  it('says a week before a trust list is overdue', () => {
    const list = { sequence: 7, operator: 'UT', territory: 'UT', issuedAt: NOW, entities: [] }
    const at = (days: number) => trustListFindings({ ...list, nextUpdate: NOW + days * DAY }, NOW)
    expect([at(8), at(6)].flatMap(verdicts)).to.deep.equal(['ok', 'weak'])
  })

  it('tells a new database, one of this schema, one that will be migrated, and a damaged one', () => {
    const state = { engine: 'SQLite 3.53.2', pending: 0, damage: [] }
    expect(
      [
        undefined,
        state,
        { ...state, pending: 2 },
        { ...state, damage: ['page 3 is never used'] },
      ].flatMap((one) => verdicts(schemaFindings(one))),
    ).to.deep.equal(['ok', 'ok', 'weak', 'wrong'])
  })

  it('compares clocks in both directions', () => {
    const off = (seconds: number) => verdicts(clockFindings(NOW, 'another', NOW + seconds))
    expect([0, 5, -6, 61, -61].flatMap(off)).to.deep.equal(['ok', 'ok', 'weak', 'wrong', 'wrong'])
  })

  it('takes any HTTP answer for reached, compares its Date, and says why nothing came', async () => {
    const given = { clock: () => NOW, remedy: 'look' }
    const date = 'Wed, 01 Jul 2026 00:02:00 GMT'
    const answering = async () => new Response('no', { status: 404, headers: { date } })
    const reached = await reachFindings('it', 'https://a.example/', { ...given, fetch: answering })
    expect(verdicts(reached)).to.deep.equal(['ok', 'wrong'])
    expect(reached[1]?.message).to.equal('this clock and that of it differ by 120 s')
    const refusing = () =>
      Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))
    const [lost] = await reachFindings('it', 'https://a.example/', { ...given, fetch: refusing })
    expect(lost).to.deep.equal({
      verdict: 'wrong',
      message: 'it cannot be reached: ECONNREFUSED',
      remedy: 'look',
    })
  })

  it('finds plain http wrong but on this machine, and an open operator listener weak', () => {
    const of = (baseUrl: string, operatorHost: string | undefined = '127.0.0.1') =>
      verdicts(addressFindings({ baseUrl, operatorHost }))
    expect(of('https://issuer.example')).to.deep.equal([])
    expect(of('http://issuer.example')).to.deep.equal(['wrong'])
    expect(of('http://127.0.0.1:4100')).to.deep.equal(['weak'])
    expect(of('https://issuer.example', '0.0.0.0')).to.deep.equal(['weak'])
    expect(
      verdicts(addressFindings({ baseUrl: 'https://a.example', operatorHost: undefined })),
    ).to.deep.equal(['weak'])
  })

  it('goes on after a check that throws, and takes its hint for the remedy', async () => {
    const findings = await examine([
      {
        name: 'first',
        run: () => {
          throw new OperatorError('key_invalid', 'no key', { hint: 'make one' })
        },
      },
      { name: 'second', run: () => Promise.reject(new Error('broken')) },
      { name: 'third', run: () => [ok('fine')] },
    ])
    expect(findings.map(({ check, verdict }) => [check, verdict])).to.deep.equal([
      ['first', 'wrong'],
      ['second', 'wrong'],
      ['third', 'ok'],
    ])
    expect(findings[0]).to.include({ message: 'no key', remedy: 'make one' })
  })
})
