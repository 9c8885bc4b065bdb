import type { Fetch } from '../fetch.ts'
import type { DidAgent } from './agent.veramo.ts'
import type { ResolveDid } from './did.ts'

/** Resolves through the agent, which takes a second to load and is loaded by the first identifier that needs it. */
export function didResolver(fetch: Fetch): ResolveDid {
  let agent: Promise<DidAgent> | undefined
  return async (did) => {
    agent ??= import('./agent.veramo.ts').then(({ createDidAgent }) => createDidAgent({ fetch }))
    return (await agent).resolve(did)
  }
}
