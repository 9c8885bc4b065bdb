import { ProtocolError } from '../error.ts'
import { Problem } from '../problem.ts'
import type { Metrics } from './metrics.ts'

/** Registers the failures of stores, and answers how to have those of a port counted under its name. */
export function failureCounter(
  metrics: Metrics,
): <Port extends object>(name: string, port: Port) => Port {
  const failed = metrics.counter({
    name: 'carnet_store_errors_total',
    help: 'Calls of a store that failed, other than for a mistake of the caller',
    label: 'store',
  })
  return (name, port) => countFailures(port, () => failed(name))
}

/** The same port; `count` is called for each failure of a method that is no answer to a caller's mistake. */
export function countFailures<Port extends object>(port: Port, count: () => void): Port {
  const failed = (error: unknown): never => {
    const isCallers =
      error instanceof ProtocolError || (error instanceof Problem && error.status < 500)
    if (!isCallers) count()
    throw error
  }
  return new Proxy(port, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        try {
          const result: unknown = Reflect.apply(member, target, args)
          return result instanceof Promise ? result.catch(failed) : result
        } catch (error) {
          return failed(error)
        }
      }
    },
  })
}
