import openapiTypescript, { astToString } from 'openapi-typescript'
import { expectGolden, readDocument } from '../support/openapi.ts'

describe('the types of the client', function () {
  this.timeout(60_000)
  for (const server of ['issuer', 'verifier'] as const) {
    it(`of the ${server} are those that the generator makes of its document`, async () => {
      const made = await openapiTypescript(JSON.parse(JSON.stringify(readDocument(server))))
      const heading = `/** Made of docs/openapi/${server}.json by \`npm run client\`. */\n`
      expectGolden(`client/generated/${server}.ts`, `${heading}\n${astToString(made)}`)
    })
  }
})
