import { expect } from 'chai'
import type { z } from 'zod'
import { issuerConfigSchema, issuerHostSchema } from '../../issuer/config.ts'
import { verifierConfigSchema, verifierHostSchema } from '../../verifier/config.ts'
import { expectGolden } from '../support/openapi.ts'
import { type Setting, settingsOf, settingsTable } from '../support/settings-page.ts'

const SHARED = ['shared/observe/settings.ts', 'shared/webhook/settings.ts']

describe('docs/settings.md', () => {
  const issuer = settingsOf(issuerConfigSchema, 'IssuerConfig', ['issuer/config.ts', ...SHARED])
  const verifier = settingsOf(verifierConfigSchema, 'VerifierConfig', [
    'verifier/config.ts',
    ...SHARED,
  ])
  const find = (settings: readonly Setting[], member: string) =>
    settings.find((setting) => setting.member === member)

  it('is what schema and comments of the configurations say', () => {
    expectGolden('docs/settings.md', page(issuer, verifier))
  })

  it('has kind, bounds and default of members at every depth', () => {
    expect(find(issuer, 'status.intervalSeconds')).to.include({
      takes: '1 to 86400',
      fallback: '`300`',
    })
    expect(find(issuer, 'attestation.successor.from')).to.include({ fallback: 'must be set' })
    expect(find(issuer, 'webhooks.endpoints[].url')).to.include({ takes: 'text' })
    expect(find(verifier, 'stop.drainSeconds')).to.include({ fallback: '`2`' })
    expect(find(issuer, 'logLevel')?.takes).to.contain('`warn`')
  })

  it('leaves no member without words', () => {
    const silent = [...issuer, ...verifier].filter(({ text }) => text === '')
    expect(silent.map(({ member }) => member)).to.deep.equal([])
  })
})

/** What a host configuration takes beside its tenants. */
function membersOf(schema: z.ZodType): string {
  return settingsOf(schema, '', [])
    .map(({ member }) => member)
    .filter(
      (member) =>
        member !== 'tenants' && !['listen', 'operator', 'stop', 'evidence'].includes(member),
    )
    .map((member) => `\`${member}\``)
    .join(', ')
}

function page(issuer: readonly Setting[], verifier: readonly Setting[]): string {
  return `# Settings

Every member of the two configurations: what it takes, what is used where nothing is said, and what it is for. Made from the schemas
that read them (\`npm run openapi\`). Members below an optional one are needed where that one is given. Paths are meant from the
file. A variable goes over the file: \`CARNET_ISSUER_STATUS__INTERVAL_SECONDS\` is \`status.intervalSeconds\`. What is not listed
is refused.

## carnet-issuer

${settingsTable(issuer)}

## carnet-verifier

${settingsTable(verifier)}

## Several tenants

A configuration with the member \`tenants\`, \`{ "NAME": "FILE" }\`, is of one program for several ([operations](operations.md#tenants)). Beside it
\`carnet-issuer\` takes ${membersOf(issuerHostSchema)}; \`carnet-verifier\` ${membersOf(verifierHostSchema)}. They are what they are
above, and hold for every tenant, whatever its own file says. Variables go over this file, not over those of tenants.
`
}
