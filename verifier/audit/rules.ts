import type { z } from 'zod'
import { dossierOpenedEntry } from '../../shared/audit/dossier-leaf.ts'
import { type AuditEntry, decodeEntry, parseLeaf } from '../../shared/audit/entry.ts'
import { sessionErasedEntry } from '../../shared/audit/erasure-leaf.ts'
import {
  type RulebookAdopted,
  rulebookAdoptedEntry,
  type WorkflowAdopted,
  workflowAdoptedEntry,
} from '../../shared/audit/rules-leaf.ts'
import type { LogEntry } from './read-log.ts'

/** The leaves that this tool reads and does not judge: only their shape can be wrong. */
const SHAPES: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  ['workflow.adopted', workflowAdoptedEntry],
  ['rulebook.adopted', rulebookAdoptedEntry],
  ['dossier.opened', dossierOpenedEntry],
  ['session.erased', sessionErasedEntry],
])

/** Whether a leaf has the shape that docs/log.md gives its type; of other types nothing is said. */
export function hasKnownShape(entry: AuditEntry): boolean {
  return SHAPES.get(entry.type)?.safeParse(entry).success ?? true
}

/** Rules that the issuer was bound to from a leaf on. */
export interface Adoption {
  readonly index: number
  readonly leaf: WorkflowAdopted | RulebookAdopted
}

/** What a log says of rules and dossiers. */
export interface RulesReport {
  /** The oldest first. */
  readonly adoptions: readonly Adoption[]
  /** How often dossiers were opened, by `reader/reason`. */
  readonly openings: ReadonlyMap<string, number>
}

/** Reads which workflows and rulebooks were in force from when on, and how often a person's file was opened. */
export function readRules(entries: readonly LogEntry[]): RulesReport {
  const adoptions: Adoption[] = []
  const openings = new Map<string, number>()
  for (const { index, bytes } of entries) {
    const entry = decodeEntry(bytes)
    if (entry.type === 'workflow.adopted') {
      adoptions.push({ index, leaf: parseLeaf(workflowAdoptedEntry, entry) })
    } else if (entry.type === 'rulebook.adopted') {
      adoptions.push({ index, leaf: parseLeaf(rulebookAdoptedEntry, entry) })
    } else if (entry.type === 'dossier.opened') {
      const { reader, reason } = parseLeaf(dossierOpenedEntry, entry)
      const name = `${reader}/${reason}`
      openings.set(name, (openings.get(name) ?? 0) + 1)
    }
  }
  return { adoptions, openings }
}
