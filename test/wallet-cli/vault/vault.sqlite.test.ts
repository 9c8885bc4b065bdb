import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { generateEs256Key, openEs256Key } from '../../../shared/key/signer.software.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { systemRandom } from '../../../shared/random.ts'
import { openSqlite } from '../../../shared/store/database.sqlite.ts'
import { aesGcmSeal } from '../../../wallet-cli/vault/key-file.file.ts'
import type { VaultKey } from '../../../wallet-cli/vault/seal.ts'
import { openVault } from '../../../wallet-cli/vault/vault.sqlite.ts'
import type { Vault } from '../../../wallet-cli/vault/vault.ts'
import { failureOf } from '../../support/failure.ts'

const NOW = 1_800_000_000
const OFFER = {
  issuer: 'https://issuer.example',
  issuerName: 'SECRET-ISSUER-NAME',
  configurationId: 'identity',
  vct: 'urn:example:SECRET-VCT',
  preAuthorizedCode: 'SECRET-CODE',
}

describe('openVault on disk', function () {
  this.timeout(60_000) // it starts processes
  const key: VaultKey = { keyId: 'AAAAAAAAAAA', key: systemRandom(32) }
  let folder: string
  let path: string
  const open = (withKey = key): Vault =>
    openVault(path, {
      seal: aesGcmSeal(withKey, systemRandom),
      keys: { generate: generateEs256Key, open: openEs256Key },
      random: systemRandom,
    })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'carnet-vault-'))
    path = join(folder, 'vault.sqlite')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  async function fill(vault: Vault): Promise<string> {
    const issuance = await vault.beginIssuance(OFFER, 2, NOW)
    const copies = issuance.holderKeys.map(({ publicJwk }) => ({
      compact: 'SECRET-COPY',
      holderKey: publicJwk,
    }))
    const { issuer, issuerName, vct } = OFFER
    return (await vault.completeIssuance(issuance.id, { issuer, issuerName, vct, copies }, NOW)).id
  }

  it('is one file that only its owner reads, also when it was left open to others', async () => {
    await open().close()
    expect(readdirSync(folder)).to.deep.equal(['vault.sqlite'])
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    chmodSync(path, 0o644)
    await open().close()
    expect(statSync(path).mode & 0o777).to.equal(0o600)
  })

  it('holds nothing in the clear, not even what it has forgotten', async () => {
    const vault = open()
    const id = await fill(vault)
    await vault.beginIssuance({ ...OFFER, preAuthorizedCode: 'SECRET-2' }, 1, NOW)
    await vault.recordRefusal({ verifier: 'SECRET-V', verifierName: 'SECRET-N' }, NOW)
    const sealedWith = readFileSync(path).toString('latin1')
    await vault.forget(id, NOW)
    await vault.close()
    for (const bytes of [sealedWith, readFileSync(path).toString('latin1')]) {
      expect(bytes).not.to.match(/SECRET|PRIVATE KEY|issuer\.example/)
    }
  })

  it('is held by one process at a time, and free after that one is killed', async () => {
    const script = `
      import { openVault } from './wallet-cli/vault/vault.sqlite.ts'
      const seal = { keyId: 'AAAAAAAAAAA', seal: (b) => b, open: (b) => b }
      globalThis.vault = openVault(${JSON.stringify(path)}, { seal, keys: {}, random: (n) => new Uint8Array(n) })
      process.stdout.write('open')
      setInterval(() => {}, 1000)`
    const holder = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      {
        cwd: packageRoot,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    await once(holder.stdout, 'data')
    expect(() => open())
      .to.throw()
      .with.property('code', 'vault_in_use')
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await open().close()
  })

  it('refuses the key of another vault', async () => {
    await open().close()
    const other = { keyId: 'BBBBBBBBBBB', key: systemRandom(32) }
    expect(() => open(other))
      .to.throw()
      .with.property('code', 'vault_damaged')
  })

  it('refuses a row that was moved to another place', async () => {
    const vault = open()
    await fill(vault)
    await vault.close()
    const db = openSqlite(path, 0)
    db.exec(`UPDATE copy SET sealed = (SELECT sealed FROM copy WHERE place = 1)`)
    db.close()
    const reopened = open()
    expect(await failureOf(reopened.credentials())).to.have.property('code', 'vault_damaged')
    await reopened.close()
  })

  it('refuses a file that is not a vault, and one of a newer program', async () => {
    writeFileSync(
      path,
      'this is not SQLite, and it is long enough to be looked at as a header of it',
    )
    expect(() => open())
      .to.throw()
      .with.property('code', 'vault_damaged')
    rmSync(path)
    await open().close()
    const db = openSqlite(path, 0)
    db.pragma('user_version = 99')
    db.close()
    expect(() => open()).to.throw(/newer/)
  })

  it('keeps what was committed when it is killed at any moment', async () => {
    await open().close()
    const hex = Buffer.from(key.key).toString('hex')
    const script = `
      import { aesGcmSeal } from './wallet-cli/vault/key-file.file.ts'
      import { openVault } from './wallet-cli/vault/vault.sqlite.ts'
      import { systemRandom } from './shared/random.ts'
      const seal = aesGcmSeal({ keyId: 'AAAAAAAAAAA', key: Buffer.from('${hex}', 'hex') }, systemRandom)
      const vault = openVault(${JSON.stringify(path)}, { seal, keys: {}, random: systemRandom })
      for (let n = 0; ; n++) {
        await vault.recordRefusal({ verifier: 'v', verifierName: String(n) }, ${NOW})
        process.stdout.write(n + '\\n')
      }`
    let acknowledged = 0
    for (const after of [5, 20, 45]) {
      const writer = spawn(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '-e', script],
        {
          cwd: packageRoot,
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      let lines = ''
      writer.stdout.on('data', (chunk: Buffer) => {
        if (lines === '') setTimeout(() => writer.kill('SIGKILL'), after)
        lines += chunk.toString()
      })
      await once(writer, 'close')
      acknowledged += lines.split('\n').length - 1
    }
    const vault = open()
    expect((await vault.journal()).length).to.be.within(acknowledged, acknowledged + 3)
    await vault.close()
    expect(acknowledged).to.be.at.least(3)
  })
})
