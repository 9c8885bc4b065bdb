import { type ComponentChildren, createContext, type VNode } from 'preact'
import { useContext, useMemo } from 'preact/hooks'
import { type Loaded, useLoaded } from '../kit/load.ts'
import { CallFailed, call } from '../kit/server.ts'

type Ask = <Answer>(method: 'GET' | 'POST' | 'DELETE', path: string) => Promise<Answer>

const Asking = createContext<Ask>(call)

/** Whatever is asked inside and refused because nobody is signed in any more, leads to the sign-in. */
export function WatchSession(props: {
  readonly onEnded: (why: 'ended') => void
  readonly children: ComponentChildren
}): VNode {
  const { onEnded } = props
  const ask = useMemo<Ask>(
    () => async (method, path) => {
      try {
        return await call(method, path)
      } catch (thrown) {
        if (thrown instanceof CallFailed && thrown.refusal?.status === 401) onEnded('ended')
        throw thrown
      }
    },
    [onEnded],
  )
  return <Asking.Provider value={ask}>{props.children}</Asking.Provider>
}

/** Asks the server in the session of whoever is signed in. @throws CallFailed */
export function useAsk(): Ask {
  return useContext(Asking)
}

/** Loads `path` when it appears and when it changes. */
export function useAnswer<Answer>(path: string): Loaded<Answer> {
  const ask = useAsk()
  return useLoaded(path, () => ask<Answer>('GET', path))
}
