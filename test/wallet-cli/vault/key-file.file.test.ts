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
import { armor, Decrypter, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption'
import { expect } from 'chai'
import { systemRandom } from '../../../shared/random.ts'
import {
  aesGcmSeal,
  createKeyFile,
  openKeyFile,
  writeKeyFile,
} from '../../../wallet-cli/vault/key-file.file.ts'
import { failureOf } from '../../support/failure.ts'

const PASSPHRASE = 'correct horse battery staple'
const QUICK = 8

describe('the key file', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'carnet-key-'))
    path = join(folder, 'key.age')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('opens with the passphrase that sealed it', async () => {
    const made = await createKeyFile(path, PASSPHRASE, systemRandom, QUICK)
    const opened = await openKeyFile(path, PASSPHRASE)
    expect(opened.keyId).to.equal(made.keyId)
    expect(Buffer.from(opened.key)).to.deep.equal(Buffer.from(made.key))
  })

  it('does not open with another passphrase', async () => {
    await createKeyFile(path, PASSPHRASE, systemRandom, QUICK)
    const failure = await failureOf(openKeyFile(path, 'correct horse battery stable'))
    expect(failure).to.have.property('code', 'passphrase_wrong')
  })

  it('is an age file that any age program opens (age-encryption.org/v1)', async () => {
    const { keyId } = await createKeyFile(path, PASSPHRASE, systemRandom, QUICK)
    const decrypter = new Decrypter()
    decrypter.addPassphrase(PASSPHRASE)
    const text = await decrypter.decrypt(armor.decode(readFileSync(path, 'utf8')), 'text')
    expect(JSON.parse(text)).to.include({ version: 1, key_id: keyId })
  })

  it('is readable by its owner only and leaves no other file behind', async () => {
    await createKeyFile(path, PASSPHRASE, systemRandom, QUICK)
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    expect(readdirSync(folder)).to.deep.equal(['key.age'])
  })

  it('is never written over one that is there', async () => {
    await createKeyFile(path, PASSPHRASE, systemRandom, QUICK)
    const before = readFileSync(path)
    const failure = await failureOf(createKeyFile(path, 'another', systemRandom, QUICK))
    expect(failure).to.have.property('code', 'vault_exists')
    expect(readFileSync(path)).to.deep.equal(before)
    expect(readdirSync(folder)).to.deep.equal(['key.age'])
  })

  it('takes another passphrase for the same key', async () => {
    const made = await createKeyFile(path, PASSPHRASE, systemRandom, QUICK)
    await writeKeyFile(path, made, 'another', { mode: 'replace', workFactor: QUICK })
    expect(await failureOf(openKeyFile(path, PASSPHRASE))).to.have.property(
      'code',
      'passphrase_wrong',
    )
    expect((await openKeyFile(path, 'another')).keyId).to.equal(made.keyId)
  })

  it('says when there is none, and how to make one', async () => {
    const failure = await failureOf(openKeyFile(path, PASSPHRASE))
    expect(failure).to.include({ code: 'vault_missing', hint: 'make one with: carnet-wallet init' })
  })

  it('says when it was changed or cut, not that the passphrase is wrong', async () => {
    await createKeyFile(path, PASSPHRASE, systemRandom, QUICK)
    const file = armor.decode(readFileSync(path, 'utf8'))
    file[file.length - 1] = (file.at(-1) ?? 0) ^ 1
    writeFileSync(path, armor.encode(file))
    expect(await failureOf(openKeyFile(path, PASSPHRASE))).to.have.property('code', 'vault_damaged')
    writeFileSync(path, 'not age')
    expect(await failureOf(openKeyFile(path, PASSPHRASE))).to.have.property('code', 'vault_damaged')
  })

  it('refuses an age file for a recipient, which needs no passphrase', async () => {
    const encrypter = new Encrypter()
    encrypter.addRecipient(await identityToRecipient(await generateIdentity()))
    writeFileSync(path, armor.encode(await encrypter.encrypt('{}')))
    expect(await failureOf(openKeyFile(path, PASSPHRASE))).to.have.property('code', 'vault_damaged')
  })

  it('refuses a work factor that would keep the machine busy for hours, at once', async () => {
    await createKeyFile(path, PASSPHRASE, systemRandom, QUICK)
    const file = Buffer.from(armor.decode(readFileSync(path, 'utf8'))).toString('latin1')
    writeFileSync(path, armor.encode(Buffer.from(file.replace(/ 8\n/, ' 40\n'), 'latin1')))
    expect(await failureOf(openKeyFile(path, PASSPHRASE))).to.have.property('code', 'vault_damaged')
  })

  it('refuses a file that is far too large before reading it', async () => {
    writeFileSync(path, 'x'.repeat(70_000))
    expect(await failureOf(openKeyFile(path, PASSPHRASE))).to.have.property('code', 'vault_damaged')
  })

  it('says when it cannot be read', async () => {
    if (process.getuid?.() === 0) rmSync(path, { force: true })
    writeFileSync(path, 'x')
    chmodSync(path, 0o000)
    const failure = await failureOf(openKeyFile(path, PASSPHRASE))
    const expected = process.getuid?.() === 0 ? 'vault_damaged' : 'file_unusable' // root reads anything
    expect(failure).to.have.property('code', expected)
  })
})

describe('aesGcmSeal', () => {
  const key = { keyId: 'AAAAAAAAAAA', key: systemRandom(32) }
  const seal = aesGcmSeal(key, systemRandom)
  const sealed = seal.seal(Buffer.from('secret'), 'copy|1')

  it('opens what it sealed, in its place', () => {
    expect(Buffer.from(seal.open(sealed, 'copy|1')).toString()).to.equal('secret')
  })

  it('does not seal the same text to the same bytes twice', () => {
    expect(seal.seal(Buffer.from('secret'), 'copy|1')).not.to.deep.equal(sealed)
  })

  for (const context of ['copy|2', 'credential|1', 'copy|1|', '']) {
    it(`does not open a row in another place: ${context || 'none'}`, () => {
      expect(() => seal.open(sealed, context))
        .to.throw()
        .with.property('code', 'vault_damaged')
    })
  }

  it('does not open a row under the same key by another name, or under another key', () => {
    const renamed = aesGcmSeal({ ...key, keyId: 'BBBBBBBBBBB' }, systemRandom)
    const other = aesGcmSeal({ ...key, key: systemRandom(32) }, systemRandom)
    for (const wrong of [renamed, other]) {
      expect(() => wrong.open(sealed, 'copy|1'))
        .to.throw()
        .with.property('code', 'vault_damaged')
    }
  })

  it('does not open a row of which any byte was changed, or that was cut', () => {
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => seal.open(changed, 'copy|1'), `byte ${at}`).to.throw()
      expect(() => seal.open(sealed.subarray(0, at), 'copy|1'), `cut at ${at}`).to.throw()
    }
  })
})
