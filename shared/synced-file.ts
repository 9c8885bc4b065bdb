import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file and waits until its bytes are on the disk. Its name is there for good only after {@link syncFolder}.
 * `flag` is `wx` for a file that must not be there yet.
 */
export async function writeSynced(
  path: string,
  content: string | Uint8Array,
  options: { readonly flag?: 'w' | 'wx'; readonly mode?: number } = {},
): Promise<void> {
  const file = await open(path, options.flag ?? 'w', options.mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Waits until the names in a folder are on the disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Replaces a file as a whole: after a crash it is the old one or the new one, and the new one once this resolves. */
export async function replaceSynced(path: string, content: string | Uint8Array): Promise<void> {
  await writeSynced(`${path}.new`, content)
  await rename(`${path}.new`, path)
  await syncFolder(dirname(path))
}
