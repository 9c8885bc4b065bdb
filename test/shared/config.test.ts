import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { z } from 'zod'
import { readConfig } from '../../shared/config.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const schema = z.strictObject({
  baseUrl: z.url().optional(),
  label: z.string().optional(),
  listen: z.strictObject({ host: z.string().default('127.0.0.1'), port: z.number().int() }),
})
const prefix = 'CARNET_TEST_'

describe('readConfig', () => {
  const folder = temporaryFolder()
  after(folder.remove)
  const file = (name: string, text: string): string => {
    const path = join(folder.path, name)
    writeFileSync(path, text)
    return path
  }
  const refusal = (work: () => unknown): OperatorError => {
    try {
      work()
    } catch (error) {
      if (error instanceof OperatorError) return error
    }
    throw new Error('it was accepted')
  }

  it('reads the file and lets the environment win', () => {
    const path = file('a.json', '{"listen":{"port":1},"label":"12"}')
    const env = {
      CARNET_TEST_LISTEN__PORT: '4100',
      CARNET_TEST_BASE_URL: 'http://a.test',
      HOME: '/',
    }
    expect(readConfig(schema, { file: path, env, prefix })).to.deep.equal({
      baseUrl: 'http://a.test',
      label: '12',
      listen: { host: '127.0.0.1', port: 4100 },
    })
  })

  it('takes a text that looks like a number as the text that the schema wants', () => {
    const env = { CARNET_TEST_LISTEN__PORT: '1', CARNET_TEST_LABEL: '007' }
    expect(readConfig(schema, { env, prefix }).label).to.equal('007')
  })

  it('names the member at fault and never its value', () => {
    const env = { CARNET_TEST_LISTEN__PORT: 'secret-text' }
    const error = refusal(() => readConfig(schema, { env, prefix }))
    expect(error.code).to.equal('config_invalid')
    expect(error.exitCode).to.equal(78)
    expect(error.message).to.contain('listen.port').and.not.contain('secret-text')
  })

  it('refuses a misspelt member and a misspelt variable', () => {
    const path = file('b.json', '{"listen":{"port":1,"prot":2}}')
    expect(refusal(() => readConfig(schema, { file: path, env: {}, prefix })).message).to.contain(
      'prot',
    )
    const env = { CARNET_TEST_LISTEN__PORT: '1', CARNET_TEST_LABLE: 'x' }
    expect(refusal(() => readConfig(schema, { env, prefix })).message).to.contain('lable')
  })

  it('refuses a file that is absent, no JSON, or repeats a member', () => {
    const read = (path: string) =>
      refusal(() => readConfig(schema, { file: path, env: {}, prefix }))
    expect(read(join(folder.path, 'absent.json')).code).to.equal('file_unreadable')
    expect(read(file('c.json', '{')).code).to.equal('config_invalid')
    expect(read(file('d.json', '{"label":"a","label":"b"}')).code).to.equal('config_invalid')
  })
})
