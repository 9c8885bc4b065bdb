import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { Decrypter, Encrypter } from 'age-encryption'
import { OperatorError } from '../operator-error.ts'
import type { BackupIdentity, BackupKey } from './backup.ts'
import type { SealedFile } from './manifest.ts'

/** Seals a file into a new one, whatever its size. age, https://age-encryption.org/v1. @throws OperatorError for a recipient that is none */
export async function sealFile(
  from: string,
  to: string,
  { key, name }: { readonly key: BackupKey; readonly name: SealedFile['file'] },
): Promise<SealedFile> {
  const encrypter = encrypterFor(key)
  const plain = digestOf()
  const sealed = digestOf()
  const source = createReadStream(from).pipe(plain.stream)
  const stream = await encrypter.encrypt(Readable.toWeb(source) as ReadableStream<Uint8Array>)
  await pipeline(
    Readable.fromWeb(stream as ReadableStream<Uint8Array>),
    sealed.stream,
    createWriteStream(to, { flags: 'wx', mode: 0o600, flush: true }),
  )
  return { file: name, sealedSha256: sealed.sha256(), sha256: plain.sha256(), bytes: plain.bytes() }
}

/** Opens a sealed file into a new one and shows that both are what the manifest says. @throws OperatorError `backup_unusable` */
export async function openSealed(
  from: string,
  to: string,
  { expected, identity }: { readonly expected: SealedFile; readonly identity: BackupIdentity },
): Promise<void> {
  const decrypter = new Decrypter()
  if ('passphrase' in identity) decrypter.addPassphrase(identity.passphrase)
  else addIdentity(decrypter, identity.identity)
  const plain = digestOf()
  const sealed = digestOf()
  try {
    const source = createReadStream(from).pipe(sealed.stream)
    const stream = await decrypter.decrypt(Readable.toWeb(source) as ReadableStream<Uint8Array>)
    await pipeline(
      Readable.fromWeb(stream as ReadableStream<Uint8Array>),
      plain.stream,
      createWriteStream(to, { flags: 'wx', mode: 0o600, flush: true }),
    )
  } catch (cause) {
    throw new OperatorError('backup_unusable', `${expected.file} cannot be opened`, {
      cause,
      hint: 'is it the passphrase or the identity of this backup, and is the file whole?',
    })
  }
  if (plain.sha256() !== expected.sha256 || sealed.sha256() !== expected.sealedSha256) {
    throw new OperatorError('backup_unusable', `${expected.file} is not the one of the manifest`)
  }
}

function encrypterFor(key: BackupKey): Encrypter {
  const encrypter = new Encrypter()
  if ('passphrase' in key) {
    encrypter.setPassphrase(key.passphrase)
    return encrypter
  }
  for (const recipient of key.recipients) {
    try {
      encrypter.addRecipient(recipient)
    } catch (cause) {
      throw new OperatorError('config_invalid', 'a recipient is no age recipient (age1…)', {
        cause,
      })
    }
  }
  return encrypter
}

function addIdentity(decrypter: Decrypter, text: string): void {
  const lines = text.split('\n').filter((line) => line.startsWith('AGE-SECRET-KEY-'))
  try {
    if (lines.length === 0) throw new Error('no line begins with AGE-SECRET-KEY-')
    for (const line of lines) decrypter.addIdentity(line.trim())
  } catch (cause) {
    throw new OperatorError('key_invalid', 'the identity is no age identity', { cause })
  }
}

function digestOf(): { stream: Transform; sha256: () => string; bytes: () => number } {
  const hash = createHash('sha256')
  let bytes = 0
  let digest: string | undefined
  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
  })
  return {
    stream,
    sha256: () => {
      digest ??= hash.digest('hex')
      return digest
    },
    bytes: () => bytes,
  }
}
