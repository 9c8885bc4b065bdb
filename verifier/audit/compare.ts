import { type Checkpoint, verifyCheckpoint } from '../../shared/audit/checkpoint.ts'
import { AuditError } from '../../shared/audit/error.ts'
import type { NoteVerifier } from '../../shared/audit/note.ts'
import type { AuditState } from './audit.ts'
import type { Finding } from './finding.ts'
import { isContinued } from './read-log.ts'
import { type PublicSource, TileMissing } from './source.ts'

/**
 * Compares what two followers were shown, each from its own vantage point. Two trees of which neither continues the
 * other are two logs under one name; the signatures of the log on both checkpoints are the evidence, which holds
 * without the issuer. The tiles that show the opposite come from the issuer.
 */
export async function compareViews(
  source: PublicSource,
  log: NoteVerifier,
  views: readonly [AuditState, AuditState],
): Promise<Finding[]> {
  const texts = views.flatMap(({ known }) => (known === undefined ? [] : [known.text]))
  const [before, after] = texts
    .map((text) => ({ text, ...verifyCheckpoint(text, log) }))
    .sort((a, b) => a.size - b.size)
  if (before === undefined || after === undefined) return []
  if (await isShown(source, before, after)) return []
  return [
    {
      rule: 'equivocation',
      detail: `the log signed two trees, of ${before.size} and of ${after.size} entries, that are not shown to continue each other`,
      evidence: [before.text, after.text],
    },
  ]
}

async function isShown(
  source: PublicSource,
  before: Checkpoint,
  after: Checkpoint,
): Promise<boolean> {
  try {
    return await isContinued(source, before, after)
  } catch (error) {
    // "Logs MUST serve partial tiles corresponding to tree sizes for which a checkpoint was produced." C2SP tlog-tiles.
    if (error instanceof TileMissing || error instanceof AuditError) return false
    throw error
  }
}
