import type { EvidencePipeline, Turn } from './pipeline.ts'

/** The pipeline as one of several tenants uses it: what it sends in waits in its share of the queue. */
export function pipelineOfTenant(pipeline: EvidencePipeline, tenant: string): EvidencePipeline {
  const own = (turn: Turn | undefined): Turn => ({ ...turn, tenant })
  return {
    ...pipeline,
    readDocument: (upload, now, turn) => pipeline.readDocument(upload, now, own(turn)),
    readDocumentBack: (upload, now, turn) => pipeline.readDocumentBack(upload, now, own(turn)),
    readSelfie: (upload, turn) => pipeline.readSelfie(upload, own(turn)),
    readFrame: (upload, turn) => pipeline.readFrame(upload, own(turn)),
    readPortrait: (upload, turn) => pipeline.readPortrait(upload, own(turn)),
  }
}
