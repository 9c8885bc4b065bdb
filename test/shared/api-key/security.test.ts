import { expect } from 'chai'
import type { Request } from 'express'
import {
  keyDigest,
  LAST_USE_SECONDS,
  makeKey,
  type Scope,
} from '../../../shared/api-key/api-key.ts'
import { keySecurity } from '../../../shared/api-key/security.http.ts'
import { keyMigrations, openApiKeyStore } from '../../../shared/api-key/store.sqlite.ts'
import type { ApiKeyStore, NewKey } from '../../../shared/api-key/store.ts'
import { systemRandom } from '../../../shared/random.ts'
import { openDatabase } from '../../../shared/store/database.sqlite.ts'
import { refuses } from '../../support/refusal.ts'

const NOW = 1_700_000_000

describe('keySecurity', () => {
  let store: ApiKeyStore
  let now: number
  let writes: number

  beforeEach(() => {
    store = openApiKeyStore(openDatabase(':memory:', { key: keyMigrations }))
    now = NOW
    writes = 0
  })
  const add = async (key: Partial<NewKey>) => {
    const { text, id, sha256 } = makeKey('operator', systemRandom)
    await store.addKey({ id, name: id, role: 'operator', sha256, ...key }, NOW)
    return text
  }
  const call = (scope: Scope, text?: string, noteUse: ApiKeyStore['noteUse'] = store.noteUse) =>
    keySecurity(scope, {
      store: {
        key: store.key,
        noteUse: (...given) => {
          writes += 1
          return noteUse(...given)
        },
      },
      clock: () => now,
    }).authenticate({
      headers: text === undefined ? {} : { authorization: `Bearer ${text}` },
    } as Request)

  it('makes keys that say what they are: role and id in front of 256 secret bits', () => {
    const { text, id, sha256 } = makeKey('operator', systemRandom)
    expect(text)
      .to.match(/^carnet_operator_[0-9a-f]{12}_[\w-]{43}$/)
      .and.contain(`_${id}_`)
    expect(sha256).to.equal(keyDigest(text))
    expect(makeKey('operator', systemRandom).text).to.not.equal(text)
  })

  it('takes a key without scopes for everything of its role, and for nothing else', async () => {
    const text = await add({})
    expect((await call('status:read', text)).role).to.equal('operator')
    expect((await call('status:write', text)).role).to.equal('operator')
    await refuses('not_permitted', () => call('reviews:read', text))
  })

  it('takes a key with scopes for these alone', async () => {
    const text = await add({ scopes: ['status:read'] })
    expect((await call('status:read', text)).scopes).to.deep.equal(['status:read'])
    await refuses('not_permitted', () => call('status:write', text))
  })

  it('opens nothing by a scope of another role', async () => {
    await refuses('not_permitted', async () =>
      call('reviews:decide', await add({ scopes: ['reviews:decide'] })),
    )
  })

  it('takes a key of the form before ids', async () => {
    const text = `carnet_operator_${Buffer.alloc(32, 7).toString('base64url')}`
    await add({ sha256: keyDigest(text) })
    expect((await call('status:read', text)).role).to.equal('operator')
  })

  it('refuses no key, an unknown one, one that has ended and one that is revoked', async () => {
    const ended = await add({ expiresAt: NOW + 10 })
    const revoked = await add({ name: 'revoked' })
    await call('status:read', ended)
    now += 10
    await store.revokeKeys({ name: 'revoked' }, now)
    for (const text of [undefined, 'carnet_operator_0123456789ab_x', ended, revoked]) {
      await refuses('not_authenticated', () => call('status:read', text))
    }
  })

  it('writes the last use once a minute at most, and takes the key where it cannot', async () => {
    const text = await add({})
    for (const seconds of [0, 1, LAST_USE_SECONDS - 1]) {
      now = NOW + seconds
      await call('status:read', text)
    }
    expect(writes).to.equal(1)
    now = NOW + LAST_USE_SECONDS
    await call('status:read', text, () => Promise.reject(new Error('the disk is full')))
    expect(writes).to.equal(2)
    expect((await store.keys())[0]?.lastUsedAt).to.equal(NOW)
  })
})
