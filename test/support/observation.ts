import type { Observation } from '../../shared/http/server.http.ts'

/** Counts nothing, and takes every request. */
export const noObservation: Observation = {
  observeRequest: () => () => undefined,
  readiness: async () => ({ status: 'ready', checks: {} }),
}
