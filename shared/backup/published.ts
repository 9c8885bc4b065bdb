import { renderAddCheckpoint } from '../audit/add-checkpoint.ts'
import { parseCheckpoint, verifyCheckpoint } from '../audit/checkpoint.ts'
import type { WitnessAddress } from '../audit/gather-cosignatures.ts'
import type { NoteVerifier } from '../audit/note.ts'
import type { Fetch } from '../fetch.ts'

/** What somebody outside of a backup knows of its log. */
export interface Sighting {
  /** Such as `the mark /var/lib/carnet/mark`. */
  readonly by: string
  /** Entries of the log that were seen. */
  readonly size: number
  /** The checkpoint, where it could be had. */
  readonly checkpoint?: string
}

/** Who was asked, and who could not be. */
export interface Published {
  readonly sightings: readonly Sighting[]
  readonly unreachable: readonly string[]
}

/**
 * Asks everybody who may have seen more of a log than a backup of it holds: marks, what is served at its address, and
 * its witnesses. A text that the log has not signed counts for nothing; a witness is believed when it says that it
 * has seen more, because that stops a restore and starts nothing.
 */
export async function lookAround(options: {
  readonly log: NoteVerifier
  /** Texts of marks by the name of their file. */
  readonly marks: Readonly<Record<string, string | undefined>>
  readonly served: readonly string[]
  readonly witnesses: readonly WitnessAddress[]
  /** The last checkpoint of the backup; without one no witness is asked. */
  readonly checkpoint: string | undefined
  readonly fetch: Fetch
}): Promise<Published> {
  const { log, marks, served, witnesses, checkpoint, fetch } = options
  const looks: { by: string; look: () => Promise<Omit<Sighting, 'by'> | undefined> }[] = []
  for (const [file, text] of Object.entries(marks)) {
    if (text === undefined) continue
    looks.push({ by: `the mark ${file}`, look: async () => sighted(text, log) })
  }
  for (const url of served) {
    const look = async () => {
      const response = await fetch(url)
      if (response.status !== 200) throw new Error(`answered ${response.status}`)
      return sighted(await response.text(), log)
    }
    looks.push({ by: url, look })
  }
  for (const { url } of checkpoint === undefined ? [] : witnesses) {
    looks.push({ by: `the witness ${url}`, look: () => askWitness(fetch, url, checkpoint ?? '') })
  }
  const sightings: Sighting[] = []
  const unreachable: string[] = []
  for (const { by, look } of looks) {
    const seen = await look().catch(() => undefined)
    if (seen === undefined) unreachable.push(by)
    else sightings.push({ by, ...seen })
  }
  return { sightings, unreachable }
}

function sighted(text: string, log: NoteVerifier): Omit<Sighting, 'by'> {
  return { size: verifyCheckpoint(text, log).size, checkpoint: text }
}

/** C2SP tlog-witness: 409 has the size that the witness has seen, 200 says that it is this one. */
async function askWitness(
  fetch: Fetch,
  url: string,
  checkpoint: string,
): Promise<Omit<Sighting, 'by'>> {
  const { size } = parseCheckpoint(checkpoint)
  const body = renderAddCheckpoint({ oldSize: size, proof: [], checkpoint })
  const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
  if (response.status === 200) return { size }
  const seen = /^(0|[1-9]\d{0,15})\n$/.exec(await response.text())?.[1]
  if (response.status !== 409 || seen === undefined) {
    throw new Error(`answered ${response.status}`)
  }
  return { size: Number(seen) }
}
