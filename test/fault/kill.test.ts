import { expect } from 'chai'
import { checkAfterFault, closeFaultGround, openFaultGround, runIssuer } from './after-fault.ts'

describe('an issuer killed while it issues, revokes and publishes', () => {
  it('has kept whatever it acknowledged', async function () {
    this.timeout(60_000)
    const ground = openFaultGround()
    try {
      for (const killAfterMs of [20, 150]) {
        const { signal } = await runIssuer(ground, { rounds: 100_000, killAfterMs })
        expect(signal).to.equal('SIGKILL')
        await checkAfterFault(ground)
      }
      expect(ground.ledger.length).to.be.above(3)
    } finally {
      closeFaultGround(ground)
    }
  })
})
