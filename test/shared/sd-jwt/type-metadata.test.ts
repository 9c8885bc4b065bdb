import { expect } from 'chai'
import { sha256 } from '../../../shared/hash.ts'
import {
  checkIssuedClaims,
  checkPresentedClaims,
  matchesIntegrity,
  resolveTypeMetadata,
  verifyCredentialType,
} from '../../../shared/sd-jwt/type-metadata.ts'
import { refuses } from '../../support/refusal.ts'

const CHILD = 'urn:example:child:1'
const PARENT = 'urn:example:parent:1'

/** Answers documents from a table, as bytes. */
const registry = (documents: Record<string, object | string>) => async (vct: string) =>
  Buffer.from(
    typeof documents[vct] === 'string'
      ? (documents[vct] as string)
      : JSON.stringify(documents[vct]),
  )
const sri = (document: object) => `sha256-${sha256(JSON.stringify(document)).toString('base64')}`

describe('resolveTypeMetadata', () => {
  const parent = {
    vct: PARENT,
    claims: [
      { path: ['given_name'], sd: 'always', mandatory: true },
      { path: ['iss'], sd: 'never' },
      { path: ['nationalities', null] },
    ],
  }
  const child = {
    vct: CHILD,
    name: 'Child',
    extends: PARENT,
    'extends#integrity': sri(parent),
    claims: [
      { path: ['nationalities', null], sd: 'always' },
      { path: ['given_name'], display: [] },
    ],
  }
  const resolve = (documents: Record<string, object | string>, integrity?: string) =>
    resolveTypeMetadata(CHILD, {
      fetchMetadata: registry(documents),
      ...(integrity === undefined ? {} : { integrity }),
    })

  it('inherits claims and keeps what is stricter (SD-JWT VC §6.4, §9.5)', async () => {
    const metadata = await resolve({ [CHILD]: child, [PARENT]: parent }, sri(child))
    expect(metadata.name).to.equal('Child')
    expect(metadata.extended).to.deep.equal([PARENT])
    expect(metadata.claims).to.have.deep.members([
      { path: ['given_name'], sd: 'always', mandatory: true, display: [] },
      { path: ['iss'], sd: 'never', mandatory: false },
      { path: ['nationalities', null], sd: 'always', mandatory: false },
    ])
  })

  it('refuses a document that does not match vct#integrity or extends#integrity (SD-JWT VC §7)', async () => {
    await refuses('metadata_invalid', () =>
      resolve({ [CHILD]: child, [PARENT]: parent }, sri(parent)),
    )
    const changed = { ...parent, name: 'other' }
    await refuses('metadata_invalid', () => resolve({ [CHILD]: child, [PARENT]: changed }))
  })

  it('refuses a document of another type (SD-JWT VC §6.2)', async () => {
    await refuses('metadata_invalid', () => resolve({ [CHILD]: { vct: PARENT } }))
    await refuses('metadata_invalid', () => resolve({ [CHILD]: {} }))
  })

  it('refuses a circular or endless chain (SD-JWT VC §8.2)', async () => {
    await refuses('metadata_invalid', () =>
      resolve({
        [CHILD]: { vct: CHILD, extends: PARENT },
        [PARENT]: { vct: PARENT, extends: CHILD },
      }),
    )
    await refuses('metadata_invalid', () => resolve({ [CHILD]: { vct: CHILD, extends: CHILD } }))
    let fetched = 0
    const fetchMetadata = async (vct: string) => {
      fetched++
      return Buffer.from(JSON.stringify({ vct, extends: `${vct}x` }))
    }
    await refuses('metadata_invalid', () => resolveTypeMetadata(CHILD, { fetchMetadata }))
    expect(fetched).to.be.lessThan(12)
  })

  it('refuses a type that loosens what it inherits (SD-JWT VC §9.5)', async () => {
    for (const claim of [
      { path: ['given_name'], sd: 'allowed' },
      { path: ['given_name'], sd: 'never' },
      { path: ['given_name'], mandatory: false },
      { path: ['iss'], sd: 'always' },
    ]) {
      const loose = { vct: CHILD, extends: PARENT, claims: [claim] }
      await refuses('metadata_invalid', () => resolve({ [CHILD]: loose, [PARENT]: parent }))
    }
  })

  it('refuses any other shape (SD-JWT VC §6.2, §9)', async () => {
    for (const document of [
      '[]',
      '{',
      '{"vct":"a","vct":"b"}',
      { vct: 1 },
      { vct: CHILD, extends: 1 },
      { vct: CHILD, claims: {} },
      { vct: CHILD, claims: [1] },
      { vct: CHILD, claims: [null] },
      { vct: CHILD, claims: [{ path: [] }] },
      { vct: CHILD, claims: [{ path: [-1] }] },
      { vct: CHILD, claims: [{ path: ['a'], sd: 'maybe' }] },
      { vct: CHILD, claims: [{ path: ['a'], mandatory: 'yes' }] },
      { vct: CHILD, claims: [{ path: ['a'] }, { path: ['a'] }] },
    ]) {
      await refuses('metadata_invalid', () => resolve({ [CHILD]: document }))
    }
    await refuses('too_large', () => resolve({ [CHILD]: ' '.repeat((1 << 18) + 1) }))
  })

  it('rules what is issued and what is presented (SD-JWT VC §9.3, §9.4)', async () => {
    const metadata = await resolve({ [CHILD]: child, [PARENT]: parent })
    const claims = { iss: 'x', given_name: 'a', nationalities: ['UT', 'DE'] }
    const disclosable = [['given_name'], ['nationalities', 0], ['nationalities', 1]]
    checkIssuedClaims(claims, { metadata, disclosable })
    checkPresentedClaims(
      { iss: 'x', nationalities: ['DE'] },
      { metadata, disclosedPaths: [['nationalities', 0]] },
    )
    const issued = (changed: object, paths = disclosable) =>
      refuses('metadata_invalid', () =>
        checkIssuedClaims({ ...claims, ...changed }, { metadata, disclosable: paths }),
      )
    await issued({}, [
      ['nationalities', 0],
      ['nationalities', 1],
    ]) // given_name in the clear
    await issued({}, [['given_name'], ['nationalities', 0]])
    await issued({}, [...disclosable, ['iss']])
    const { given_name: _name, ...nameless } = claims
    await refuses('metadata_invalid', () => checkIssuedClaims(nameless, { metadata, disclosable }))
    await refuses('metadata_invalid', () =>
      checkPresentedClaims({ given_name: 'a' }, { metadata, disclosedPaths: [] }),
    )
  })
})

describe('verifyCredentialType', () => {
  const document = { vct: CHILD, claims: [{ path: ['given_name'], sd: 'always' }] }
  const credential = (claims: object) => ({
    vct: CHILD,
    claims: { vct: CHILD, given_name: 'a', ...claims },
    disclosedPaths: [['given_name']],
  })
  const verify = (claims: object) =>
    verifyCredentialType(credential(claims), registry({ [CHILD]: document }))

  it('takes vct#integrity from the credential (SD-JWT VC §7)', async () => {
    expect((await verify({ 'vct#integrity': sri(document) })).vct).to.equal(CHILD)
    expect((await verify({})).vct).to.equal(CHILD)
    await refuses('metadata_invalid', () => verify({ 'vct#integrity': sri({}) }))
    await refuses('claim_invalid', () => verify({ 'vct#integrity': 1 }))
  })

  it('leaves it to the issuer whether an allowed claim is disclosable (SD-JWT VC §9.3)', async () => {
    const open = { vct: CHILD, claims: [{ path: ['given_name'] }] }
    for (const disclosedPaths of [[], [['given_name']]]) {
      await verifyCredentialType({ ...credential({}), disclosedPaths }, registry({ [CHILD]: open }))
    }
  })

  it('judges what was presented by the type (SD-JWT VC §9.3)', async () => {
    const clear = { ...credential({}), disclosedPaths: [] }
    await refuses('metadata_invalid', () =>
      verifyCredentialType(clear, registry({ [CHILD]: document })),
    )
  })
})

describe('matchesIntegrity', () => {
  const bytes = Buffer.from("alert('Hello, world.');")

  it('takes the published value (W3C SRI §3.2)', () => {
    const published = 'sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO'
    expect(matchesIntegrity(bytes, published)).to.equal(true)
    expect(matchesIntegrity(Buffer.from('x'), published)).to.equal(false)
  })

  it('lets the strongest algorithm decide and never takes an unknown one (W3C SRI §3.3)', () => {
    const right = `sha256-${sha256(bytes).toString('base64')}`
    expect(matchesIntegrity(bytes, right)).to.equal(true)
    expect(matchesIntegrity(bytes, `${right} sha512-AAAA`)).to.equal(false)
    expect(matchesIntegrity(bytes, `sha256-AAAA ${right}`)).to.equal(true)
    for (const bad of ['', 'md5-AAAA', 'sha256-', right.slice(7), 'sha1-AAAA']) {
      expect(matchesIntegrity(bytes, bad), bad).to.equal(false)
    }
  })
})
