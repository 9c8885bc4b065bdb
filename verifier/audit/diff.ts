import type { NumericDate } from '../../shared/clock.ts'
import { readStatus, type StatusBits } from '../../shared/status-list/bits.ts'
import { type DecidingLeaves, findLeaves, statusName } from './at.ts'
import { EvidenceError } from './evidence.ts'
import type { TokenFacts } from './judge.ts'
import type { LogEntry } from './read-log.ts'
import type { PublicSource } from './source.ts'
import { verifyLoggedToken } from './token.ts'

/** An index whose status differs between two times. */
export interface ListChange {
  readonly idx: number
  readonly from: string
  readonly to: string
}

/** The indexes that changed between two times, by the verified tokens of those times. @throws EvidenceError */
export async function diffLists(
  source: PublicSource,
  question: {
    readonly entries: readonly LogEntry[]
    readonly list: string
    readonly from: NumericDate
    readonly to: NumericDate
  },
): Promise<ListChange[]> {
  const { entries, list } = question
  const read = async (time: NumericDate): Promise<TokenFacts> => {
    const leaves = findLeaves(entries, { list, time })
    if (leaves === undefined) throw new EvidenceError(`the list says nothing at ${time}`)
    return readToken(source, leaves)
  }
  const [before, after] = [await read(question.from), await read(question.to)]
  return changedIndexes(before.list, after.list, after.bits).map((idx) => ({
    idx,
    from: statusName(before, idx) ?? 'outside',
    to: statusName(after, idx) ?? 'outside',
  }))
}

async function readToken(
  source: PublicSource,
  { published: { leaf }, trustList }: DecidingLeaves,
): Promise<TokenFacts> {
  if (trustList === undefined) throw new EvidenceError('the log names no trust list before it')
  const token = await source.token(leaf.list, leaf.sha256)
  const text = await source.trustList(trustList.leaf.sha256)
  if (token === undefined || text === undefined) {
    throw new EvidenceError('the issuer does not serve what was logged')
  }
  const { list, iat } = leaf
  const facts = verifyLoggedToken(token, { list, iat, trustList: { leaf: trustList.leaf, text } })
  if ('rule' in facts) throw new EvidenceError(`a token does not verify: ${facts.detail}`)
  return facts
}

function changedIndexes(before: Uint8Array, after: Uint8Array, bits: StatusBits): number[] {
  const changed: number[] = []
  const perByte = 8 / bits
  for (let at = 0; at < Math.max(before.length, after.length); at++) {
    if (before[at] === after[at]) continue
    for (let idx = at * perByte; idx < (at + 1) * perByte; idx++) {
      if (readStatus(before, bits, idx) !== readStatus(after, bits, idx)) changed.push(idx)
    }
  }
  return changed
}
