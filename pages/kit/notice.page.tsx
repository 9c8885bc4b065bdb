import type { ComponentChildren, VNode } from 'preact'
import { Button } from './form.page.tsx'
import type { CallFailed } from './server.ts'
import { useWords } from './words.page.tsx'

/** How good or bad something is; it is always said in words too. */
export type Tone = 'good' | 'warn' | 'bad' | 'plain'

/** Something that whoever looks should know, said by a screen reader when it appears. */
export function Notice(props: {
  readonly tone: Exclude<Tone, 'plain'>
  readonly title: string
  readonly children?: ComponentChildren
}): VNode {
  return (
    <div class={`notice ${props.tone}`} role={props.tone === 'good' ? 'status' : 'alert'}>
      <strong>{props.title}</strong>
      {props.children}
    </div>
  )
}

/** Why a server refused, in the words that the pages have for its code, else in its own, and by which id its log knows the request. */
export function Failure({
  failure,
  again,
}: {
  readonly failure: CallFailed
  readonly again?: () => void
}): VNode {
  const { say, sayProblem } = useWords()
  const { refusal } = failure
  const said = refusal === undefined ? say('kit.unreachable') : sayProblem(refusal.code)
  return (
    <Notice tone="bad" title={say('kit.problem')}>
      <p>{said ?? `${refusal?.title}: ${refusal?.detail ?? ''}`}</p>
      {refusal !== undefined && (
        <p class="small">
          <span class="code">{refusal.code}</span>
          {refusal.request_id !== undefined && (
            <> · {say('kit.problem-request', { id: refusal.request_id })}</>
          )}
        </p>
      )}
      {again !== undefined && (
        <div class="buttons">
          <Button less onPress={again}>
            {say('kit.again')}
          </Button>
        </div>
      )}
    </Notice>
  )
}

/** Something that goes on. */
export function Progress({ children }: { readonly children: string }): VNode {
  return (
    <div class="progress" role="status">
      {children}
    </div>
  )
}

/** Nothing is there, in words. */
export function Empty({ children }: { readonly children: string }): VNode {
  return <p class="empty">{children}</p>
}

/** One word of a state, with a colour beside it. */
export function State({
  tone,
  children,
}: {
  readonly tone: Tone
  readonly children: string
}): VNode {
  return <span class={`state ${tone}`}>{children}</span>
}
