import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { PasskeyView, SessionView } from '../../shared/account/view.ts'
import { Button } from '../kit/form.page.tsx'
import { Facts, Heading } from '../kit/layout.page.tsx'
import { Failure, Progress } from '../kit/notice.page.tsx'
import { CallFailed } from '../kit/server.ts'
import { type Column, Table } from '../kit/table.page.tsx'
import { useWords } from '../kit/words.page.tsx'
import { useAnswer, useAsk } from './signed-in.page.tsx'

/** Who is signed in, with which passkeys, and ways out. */
export function Account({ onOut }: { readonly onOut: (why: 'signed-out') => void }): VNode {
  const { say } = useWords()
  const ask = useAsk()
  const [refused, setRefused] = useState<CallFailed>()
  const { value, failure, again } = useAnswer<SessionView>('/operator/session')
  const leave = async (path: string): Promise<void> => {
    try {
      await ask('DELETE', path)
      onOut('signed-out')
    } catch (thrown) {
      setRefused(thrown instanceof CallFailed ? thrown : new CallFailed(undefined))
    }
  }
  return (
    <>
      <Heading>{say('operator.account')}</Heading>
      {failure && <Failure failure={failure} again={again} />}
      {refused && <Failure failure={refused} />}
      {value === undefined && failure === undefined && <Progress>{say('kit.loading')}</Progress>}
      {value && <SessionCard session={value} onLeave={leave} />}
      {value && (
        <>
          <h2>{say('account.passkeys')}</h2>
          <Passkeys passkeys={value.passkeys} />
        </>
      )}
    </>
  )
}

function SessionCard(props: {
  readonly session: SessionView
  readonly onLeave: (path: string) => Promise<void>
}): VNode {
  const { say, moment, duration } = useWords()
  const { account, role, endsAt, idleSeconds, sessions } = props.session
  return (
    <section class="card" aria-labelledby="session">
      <h2 id="session">{say('account.signed-in', { name: account })}</h2>
      <Facts
        facts={[
          [say('account.role'), say(`role.${role}`)],
          [
            say('account.until'),
            `${moment(endsAt)}, ${say('account.idle', { time: duration(idleSeconds) })}`,
          ],
        ]}
      />
      <p class="quiet">{say('account.sessions', { count: sessions })}</p>
      <div class="buttons">
        <Button first onPress={() => props.onLeave('/operator/session')}>
          {say('account.sign-out')}
        </Button>
        <Button onPress={() => props.onLeave('/operator/sessions')}>
          {say('account.everywhere')}
        </Button>
      </div>
    </section>
  )
}

function Passkeys({ passkeys }: { readonly passkeys: readonly PasskeyView[] }): VNode {
  const { say, moment, number } = useWords()
  const rows = passkeys.map((passkey, index) => ({ ...passkey, number: index + 1 }))
  const columns: readonly Column<(typeof rows)[number]>[] = [
    {
      name: say('account.passkey'),
      kind: 'title',
      cell: (row) => `${say('account.passkey')} ${number(row.number)}`,
    },
    { name: say('account.passkey-made'), cell: ({ createdAt }) => moment(createdAt) },
    {
      name: say('account.passkey-used'),
      cell: ({ lastUsedAt }) => (lastUsedAt === undefined ? say('kit.never') : moment(lastUsedAt)),
    },
    {
      name: say('account.passkey-kind'),
      cell: ({ isBackedUp }) => say(isBackedUp ? 'account.synced' : 'account.bound'),
    },
  ]
  return (
    <Table
      name={say('account.passkeys')}
      columns={columns}
      rows={rows}
      keyOf={(row) => row.number}
    />
  )
}
