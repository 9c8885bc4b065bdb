import { expect } from 'chai'
import { recordingLog } from '../support/log.ts'

describe('openLog', () => {
  it('leaves out what must not be written, at the top and one level down', () => {
    const { log, lines } = recordingLog()
    log.info({ session_token: 'S3CRET', claims: { family_name: 'MUSTER' } }, 'one')
    log.info({ body: { tx_code: '123456', 'pre-authorized_code': 'C0DE' } }, 'two')
    expect(lines()).to.contain('one').and.contain('two')
    expect(lines()).to.not.match(/S3CRET|MUSTER|123456|C0DE/)
  })

  it('reduces an error to name, code, message and stack, and follows its cause', () => {
    const { log, lines } = recordingLog()
    const cause = Object.assign(new Error('disk full'), { code: 'SQLITE_FULL', row: 'MUSTER' })
    log.error({ err: new Error('not stored', { cause }) }, 'failed')
    expect(lines()).to.contain('SQLITE_FULL').and.contain('disk full').and.not.contain('MUSTER')
  })
})
