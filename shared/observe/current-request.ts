import { AsyncLocalStorage } from 'node:async_hooks'

const current = new AsyncLocalStorage<string>()

/** Runs `work`, and all that it starts, for the request with this id. */
export function inRequest<Result>(id: string, work: () => Result): Result {
  return current.run(id, work)
}

/** The id of the request that the caller works for; `undefined` outside of one. */
export function currentRequest(): string | undefined {
  return current.getStore()
}
