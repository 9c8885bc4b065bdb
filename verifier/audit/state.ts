import { deflateSync, inflateSync } from 'node:zlib'
import { z } from 'zod'
import { parseCheckpoint } from '../../shared/audit/checkpoint.ts'
import { statusPublishedEntry } from '../../shared/audit/status-leaf.ts'
import { trustListPublishedEntry } from '../../shared/audit/trust-leaf.ts'
import type { AuditState } from './audit.ts'

const MAX_LIST_BYTES = 1 << 27

const stateSchema = z.strictObject({
  format: z.literal('carnet-audit-state/1'),
  seenAt: z.int().optional(),
  checkpoint: z.string().optional(),
  edge: z.array(z.base64()),
  lists: z.array(
    z.strictObject({
      leaf: statusPublishedEntry,
      leafHash: z.string(),
      list: z.base64().optional(),
    }),
  ),
  trustList: z.strictObject({ leaf: trustListPublishedEntry, text: z.string() }).optional(),
  tokens: z.array(z.tuple([z.string(), z.int()])),
})

/** The text in which an audit is kept between two runs. */
export function renderState({ known, seenAt, lists, trustList, tokens }: AuditState): string {
  return `${JSON.stringify({
    format: 'carnet-audit-state/1',
    seenAt,
    checkpoint: known?.text,
    edge: known?.edge.hashes.map((hash) => Buffer.from(hash).toString('base64')) ?? [],
    lists: [...lists.values()].map(({ leaf, leafHash, list }) => ({
      leaf,
      leafHash,
      list: list && deflateSync(list).toString('base64'),
    })),
    trustList,
    tokens: [...tokens],
  })}\n`
}

/** Reads what {@link renderState} wrote. It is our own file: its checkpoint is not verified again. */
export function parseState(text: string): AuditState {
  const { seenAt, checkpoint, edge, lists, trustList, tokens } = stateSchema.parse(JSON.parse(text))
  const parsed = checkpoint === undefined ? undefined : parseCheckpoint(checkpoint)
  return {
    known:
      parsed === undefined || checkpoint === undefined
        ? undefined
        : {
            checkpoint: parsed,
            text: checkpoint,
            edge: { size: parsed.size, hashes: edge.map((hash) => Buffer.from(hash, 'base64')) },
          },
    seenAt,
    lists: new Map(
      lists.map(({ leaf, leafHash, list }) => [
        leaf.list,
        {
          leaf,
          leafHash,
          list:
            list === undefined
              ? undefined
              : inflateSync(Buffer.from(list, 'base64'), { maxOutputLength: MAX_LIST_BYTES }),
        },
      ]),
    ),
    trustList,
    tokens: new Map(tokens),
  }
}
