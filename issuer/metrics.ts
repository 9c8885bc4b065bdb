import type { AuditLog } from '../shared/audit/log.ts'
import { measureLog } from '../shared/audit/metrics.ts'
import type { Clock } from '../shared/clock.ts'
import type { Metrics } from '../shared/observe/metrics.ts'
import type { EvidencePipeline, Turn } from './evidence/pipeline.ts'
import type { StatusOperations } from './status/operations.ts'
import type { ReadServedPools } from './status/served-pools.ts'

/** Registers what an issuer tells of its lists, its log and the holders whom it has to tell something. */
export function measureIssuer(
  metrics: Metrics,
  sources: {
    readonly servedPools: ReadServedPools
    readonly auditLog: Pick<AuditLog, 'size'>
    readonly operations: Pick<StatusOperations, 'countOpenNotices' | 'overdueNotices'>
    /** Where faces are kept for searching. */
    readonly faces?: { readonly size: number } | undefined
    readonly clock: Clock
  },
): void {
  const { servedPools, auditLog, operations, faces, clock } = sources
  metrics.gauge({
    name: 'carnet_status_list_age_seconds',
    help: 'Seconds since the lists of a pool were last published and logged, of the oldest one',
    label: 'pool',
    read: async () => {
      const now = clock()
      const pools = await servedPools(now)
      return Object.fromEntries(pools.map(({ pool, iat }) => [pool, now - iat]))
    },
  })
  metrics.gauge({
    name: 'carnet_status_list_expires_seconds',
    help: 'Seconds until what is served of a pool may not be used any more, of the first one',
    label: 'pool',
    read: async () => {
      const now = clock()
      const pools = await servedPools(now)
      return Object.fromEntries(pools.map(({ pool, exp }) => [pool, exp - now]))
    },
  })
  metrics.gauge({
    name: 'carnet_holder_notices_open',
    help: 'Published changes that their holders may be told of and were not',
    read: () => operations.countOpenNotices(),
  })
  metrics.gauge({
    name: 'carnet_holder_notices_overdue',
    help: 'Published changes that their holders should have been told of by now',
    read: () => operations.overdueNotices(clock()),
  })
  if (faces) {
    metrics.gauge({
      name: 'carnet_face_index_faces',
      help: 'Faces that a search 1:N goes through',
      read: () => faces.size,
    })
  }
  measureLog(metrics, auditLog)
}

/** Registers what is told of reading images, and answers how to have a pipeline counted, whoever uses it. */
export function measurePipelines(
  metrics: Metrics,
): <Pipeline extends Pick<EvidencePipeline, 'readDocument' | 'readSelfie'>>(
  pipeline: Pipeline,
) => Pipeline {
  let waiting = 0
  let reading = 0
  metrics.gauge({
    name: 'carnet_evidence_queue_images',
    help: 'Images that wait for a thread',
    read: () => waiting,
  })
  metrics.gauge({
    name: 'carnet_evidence_reading_images',
    help: 'Images that are being read',
    read: () => reading,
  })
  const waited = metrics.durations({
    name: 'carnet_evidence_wait_seconds',
    help: 'Time that an image waited for a thread',
  })
  const took = metrics.durations({
    name: 'carnet_evidence_reading_seconds',
    help: 'Time that it took to read an image, refused ones among them',
  })
  async function measure<Result>(
    turn: Turn | undefined,
    read: (turn: Turn) => Promise<Result>,
  ): Promise<Result> {
    const askedAt = performance.now()
    let startedAt: number | undefined
    waiting += 1
    const onStart = (): void => {
      startedAt = performance.now()
      waiting -= 1
      reading += 1
      waited((startedAt - askedAt) / 1000)
      turn?.onStart?.()
    }
    try {
      return await read({ ...turn, onStart })
    } finally {
      if (startedAt === undefined) waiting -= 1
      else {
        reading -= 1
        took((performance.now() - startedAt) / 1000)
      }
    }
  }
  return (pipeline) => ({
    ...pipeline,
    readDocument: (upload, now, turn) =>
      measure(turn, (measured) => pipeline.readDocument(upload, now, measured)),
    readSelfie: (upload, turn) =>
      measure(turn, (measured) => pipeline.readSelfie(upload, measured)),
  })
}
