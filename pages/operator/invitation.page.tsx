import type { VNode } from 'preact'
import type { InvitationView, SessionView } from '../../shared/account/view.ts'
import { Button } from '../kit/form.page.tsx'
import { Facts, Heading } from '../kit/layout.page.tsx'
import { useLoaded } from '../kit/load.ts'
import { Failure, Progress } from '../kit/notice.page.tsx'
import { makePasskey } from '../kit/passkey.ts'
import { call } from '../kit/server.ts'
import { useWords } from '../kit/words.page.tsx'
import { Outcome, useCeremony } from './sign-in.page.tsx'

/** What the server answers to a code that holds. */
interface RegistrationOptions {
  readonly invitation: InvitationView
  readonly options: PublicKeyCredentialCreationOptionsJSON
}

/** Lets whoever was invited make their passkey. */
export function Invitation(props: {
  readonly code: string
  readonly onIn: (session: SessionView) => void
  readonly onLeave: () => void
}): VNode {
  const { say } = useWords()
  const { code, onIn, onLeave } = props
  const ask = () => call<RegistrationOptions>('POST', '/operator/registration/options', { code })
  const { value, failure, again } = useLoaded(code, ask)
  const { attempt, act } = useCeremony(async () => {
    // A challenge serves once, so that each attempt has one of its own.
    const { options } = await ask()
    onIn(
      await call<SessionView>('POST', '/operator/registration', {
        code,
        credential: await makePasskey(options),
      }),
    )
  })
  if (failure?.refusal?.code === 'invitation_invalid') {
    return (
      <div class="narrow">
        <div class="card">
          <Heading>{say('invitation.refused')}</Heading>
          <p>{say('invitation.refused-words')}</p>
          <Button onPress={onLeave}>{say('invitation.to-sign-in')}</Button>
        </div>
      </div>
    )
  }
  if (failure !== undefined) return <Failure failure={failure} again={again} />
  if (value === undefined) return <Progress>{say('kit.loading')}</Progress>
  return (
    <div class="narrow">
      <div class="card">
        <Heading>{say('invitation.title')}</Heading>
        <Outcome attempt={attempt} />
        <Facts
          facts={[
            [say('invitation.account'), value.invitation.account],
            [say('account.role'), say(`role.${value.invitation.role}`)],
          ]}
        />
        <p>{say('invitation.words')}</p>
        <Button first isBusy={attempt.state === 'asking'} onPress={act}>
          {say('invitation.act')}
        </Button>
        {attempt.state === 'asking' && <Progress>{say('sign-in.waiting')}</Progress>}
      </div>
    </div>
  )
}
