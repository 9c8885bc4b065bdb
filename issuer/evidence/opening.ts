import { Problem } from '../../shared/problem.ts'
import type { EvidencePipeline, SessionPipeline } from './pipeline.ts'

/** What of a pipeline can be asked for before its networks are open. */
export interface OpeningPipeline extends SessionPipeline {
  readonly isOpen: () => boolean
}

const RETRY_SECONDS = 5

/**
 * Stands for a pipeline that is being opened, so that a server can answer everything else meanwhile. Until it is there,
 * readings are refused with a time to come back (`busy`); afterwards it is the pipeline.
 */
export function whileOpening(opening: Promise<EvidencePipeline>): OpeningPipeline {
  let opened: EvidencePipeline | undefined
  opening.then(
    (pipeline) => {
      opened = pipeline
    },
    () => undefined,
  )
  const pipeline = (): EvidencePipeline => {
    if (opened) return opened
    const detail = `the networks are being loaded; send it again in ${RETRY_SECONDS} seconds`
    throw new Problem('busy', detail, { retryAfterSeconds: RETRY_SECONDS })
  }
  return {
    isOpen: () => opened !== undefined,
    readDocument: async (...given) => await pipeline().readDocument(...given),
    readDocumentBack: async (...given) => await pipeline().readDocumentBack(...given),
    readFrame: async (...given) => await pipeline().readFrame(...given),
    readSelfie: async (...given) => await pipeline().readSelfie(...given),
    collect: (...given) => pipeline().collect(...given),
  }
}
