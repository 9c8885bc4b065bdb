import { useCallback, useEffect, useState } from 'preact/hooks'
import { CallFailed } from './server.ts'

/** What became of something that a page asked for. */
export interface Loaded<Value> {
  readonly value: Value | undefined
  readonly failure: CallFailed | undefined
  readonly isLoading: boolean
  again(): void
}

/** Loads when the page appears and when `key` changes; what was there stays until the new one has come. */
export function useLoaded<Value>(key: string, load: () => Promise<Value>): Loaded<Value> {
  const [turn, setTurn] = useState(0)
  const [state, setState] = useState<Omit<Loaded<Value>, 'again'>>({
    value: undefined,
    failure: undefined,
    isLoading: true,
  })
  // `key` stands for everything that `load` uses.
  useEffect(() => {
    let isCurrent = true
    setState(({ value }) => ({ value, failure: undefined, isLoading: true }))
    load().then(
      (value) => isCurrent && setState({ value, failure: undefined, isLoading: false }),
      (thrown: unknown) => {
        const failure = thrown instanceof CallFailed ? thrown : new CallFailed(undefined)
        if (isCurrent) setState(({ value }) => ({ value, failure, isLoading: false }))
      },
    )
    return () => {
      isCurrent = false
    }
  }, [key, turn])
  const again = useCallback(() => setTurn((last) => last + 1), [])
  return { ...state, again }
}
