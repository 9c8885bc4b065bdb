import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { SessionView } from '../../shared/account/view.ts'
import { Button, Field, Form } from '../kit/form.page.tsx'
import { Heading } from '../kit/layout.page.tsx'
import { Failure, Notice, Progress } from '../kit/notice.page.tsx'
import { hasPasskeys, PasskeyCancelled, usePasskey } from '../kit/passkey.ts'
import { CallFailed, call } from '../kit/server.ts'
import { useWords } from '../kit/words.page.tsx'

/** Lets somebody sign in with a passkey. */
export function SignIn(props: {
  readonly why: 'first' | 'signed-out' | 'ended'
  readonly onIn: (session: SessionView) => void
  readonly onInvitation: (code: string) => void
}): VNode {
  const { say } = useWords()
  const { attempt, act } = useCeremony(async () => {
    const options = await call<PublicKeyCredentialRequestOptionsJSON>(
      'POST',
      '/operator/sign-in/options',
    )
    const credential = await usePasskey(options)
    props.onIn(await call<SessionView>('POST', '/operator/sign-in', credential))
  })
  return (
    <div class="narrow">
      <div class="card">
        <Heading>{say('sign-in.title')}</Heading>
        {attempt.state === 'idle' && props.why === 'signed-out' && (
          <Notice tone="good" title={say('sign-in.ended')} />
        )}
        {attempt.state === 'idle' && props.why === 'ended' && (
          <Notice tone="warn" title={say('sign-in.ended')}>
            <p>{say('sign-in.ended-words')}</p>
          </Notice>
        )}
        <Outcome attempt={attempt} />
        <p>{say('sign-in.words')}</p>
        <Button first isBusy={attempt.state === 'asking'} onPress={act}>
          {say('sign-in.act')}
        </Button>
        {attempt.state === 'asking' && <Progress>{say('sign-in.waiting')}</Progress>}
        <hr />
        <p class="quiet small">{say('sign-in.none')}</p>
        <InvitationForm onInvitation={props.onInvitation} />
      </div>
    </div>
  )
}

/** Takes an invitation whose link cannot be opened: the link, or the code at its end. */
function InvitationForm(props: { readonly onInvitation: (code: string) => void }): VNode {
  const { say } = useWords()
  const [text, setText] = useState('')
  const [isWrong, setWrong] = useState(false)
  const submit = (): void => {
    const code = INVITATION.exec(text.trim())?.[1]
    setWrong(code === undefined)
    if (code !== undefined) props.onInvitation(code)
  }
  return (
    <Form onSubmit={submit}>
      <Field
        name={say('sign-in.invitation')}
        value={text}
        fault={isWrong ? say('sign-in.invitation-wrong') : undefined}
        onInput={setText}
      />
      <Button submits>{say('sign-in.invitation-act')}</Button>
    </Form>
  )
}

/** A code of 32 bytes in base64url, with or without the address before it. */
const INVITATION = /^(?:https?:\/\/\S+#invitation=)?([\w-]{43})$/

/** How an attempt to make or use a passkey is going. */
export type Attempt =
  | { readonly state: 'idle' | 'asking' | 'cancelled' }
  | { readonly state: 'refused'; readonly failure: CallFailed }

/** Runs `work`, one at a time, and tells how it goes. */
export function useCeremony(work: () => Promise<void>): {
  readonly attempt: Attempt
  readonly act: () => Promise<void>
} {
  const [attempt, setAttempt] = useState<Attempt>({ state: 'idle' })
  const act = async (): Promise<void> => {
    setAttempt({ state: 'asking' })
    try {
      await work()
    } catch (thrown) {
      if (thrown instanceof CallFailed) setAttempt({ state: 'refused', failure: thrown })
      else if (thrown instanceof PasskeyCancelled) setAttempt({ state: 'cancelled' })
      else throw thrown
    }
  }
  return { attempt, act }
}

/** What became of an attempt that did not succeed, or that cannot. */
export function Outcome({ attempt }: { readonly attempt: Attempt }): VNode | undefined {
  const { say } = useWords()
  if (!hasPasskeys()) return <Notice tone="bad" title={say('sign-in.unsupported')} />
  if (attempt.state === 'cancelled') return <Notice tone="warn" title={say('sign-in.cancelled')} />
  if (attempt.state === 'refused') return <Failure failure={attempt.failure} />
  return undefined
}
