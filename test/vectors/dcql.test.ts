import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseDcqlQuery } from '../../shared/dcql/query.ts'
import { external } from '../support/external.ts'

describe('the queries of OpenID4VP 1.0', () => {
  it('are all read', function () {
    const folder = external(this, 'vectors/openid4vp-1_0/examples/query_lang')
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
    let queries = 0
    for (const name of names) {
      const value = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
        credentials?: unknown
      }
      if (!value.credentials) continue
      const { credentials } = parseDcqlQuery(value)
      expect(credentials.length, name).to.be.greaterThan(0)
      queries++
    }
    expect(queries).to.be.greaterThan(4)
  })
})
