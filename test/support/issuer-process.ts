import { readFileSync } from 'node:fs'
import { fixturePipeline } from './evidence.ts'
import { openIssuer, type TestIdentity } from './issuer.ts'

/**
 * An issuer in a process of its own that can be told where to die: `node --import tsx issuer-process.ts DATABASE
 * IDENTITY_FILE [MOMENT] [PORT]`. It says `ready` on standard output.
 */
const [, , path = '', identityFile = '', moment = '', port] = process.argv

function dieIf(here: string): void {
  if (moment === here) process.kill(process.pid, 'SIGKILL')
}

await openIssuer(fixturePipeline(), {
  path,
  ...(port === undefined ? {} : { listenPort: Number(port) }),
  identity: JSON.parse(readFileSync(identityFile, 'utf8')) as TestIdentity,
  changeStore: (store) => ({
    ...store,
    recordDecision: async (...args) => {
      dieIf('before the decision')
      const recorded = await store.recordDecision(...args)
      dieIf('after the decision')
      return recorded
    },
    recordOffer: async (...args) => {
      const recorded = await store.recordOffer(...args)
      dieIf('after the offer')
      return recorded
    },
    recordIntent: async (...args) => {
      dieIf('before the intent')
      return store.recordIntent(...args)
    },
    recordIssued: async (...args) => {
      dieIf('before it is done')
      const recorded = await store.recordIssued(...args)
      dieIf('after it is done')
      return recorded
    },
    revoke: async (...args) => {
      const revoked = await store.revoke(...args)
      dieIf('after the revocation')
      return revoked
    },
  }),
  changeArtefacts: (store) => ({
    ...store,
    consume: async (...args) => {
      const consumed = await store.consume(...args)
      dieIf('after the code is consumed')
      return consumed
    },
  }),
  changeSigner: (credentialSigner) => ({
    ...credentialSigner,
    signer: {
      ...credentialSigner.signer,
      sign: async (data) => {
        dieIf('before signing')
        return credentialSigner.signer.sign(data)
      },
    },
  }),
})
process.stdout.write('ready\n')
