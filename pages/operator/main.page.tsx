import '../kit/kit.css'
import { render, type VNode } from 'preact'
import { useCallback, useEffect, useState } from 'preact/hooks'
import type { SessionView } from '../../shared/account/view.ts'
import { Layout, type Tab } from '../kit/layout.page.tsx'
import { Failure, Notice, Progress } from '../kit/notice.page.tsx'
import { CallFailed, call } from '../kit/server.ts'
import { Speaking, useWords } from '../kit/words.page.tsx'
import { Account } from './account.page.tsx'
import { Deliveries } from './deliveries.page.tsx'
import { Invitation } from './invitation.page.tsx'
import { Keys } from './keys.page.tsx'
import { Overview } from './overview.page.tsx'
import { SignIn } from './sign-in.page.tsx'
import { WatchSession } from './signed-in.page.tsx'

type Visit =
  | { readonly state: 'looking' }
  | { readonly state: 'failed'; readonly failure: CallFailed }
  | { readonly state: 'out'; readonly why: 'first' | 'signed-out' | 'ended' }
  | { readonly state: 'in'; readonly session: SessionView }

/** The operator's page: an invitation, the sign-in, or what is behind it. */
function OperatorPage(): VNode {
  const { say } = useWords()
  const hash = useHash()
  const [visit, setVisit] = useState<Visit>({ state: 'looking' })
  const [invitation, setInvitation] = useState(takeInvitation)
  const look = useCallback(async (): Promise<void> => {
    try {
      setVisit({ state: 'in', session: await call<SessionView>('GET', '/operator/session') })
    } catch (thrown) {
      const failure = thrown instanceof CallFailed ? thrown : new CallFailed(undefined)
      if (failure.refusal?.status === 401) setVisit({ state: 'out', why: 'first' })
      else setVisit({ state: 'failed', failure })
    }
  }, [])
  const onIn = useCallback((session: SessionView) => {
    setInvitation(undefined)
    setVisit({ state: 'in', session })
  }, [])
  const onOut = useCallback((why: 'signed-out' | 'ended') => setVisit({ state: 'out', why }), [])
  useEffect(() => {
    void look()
  }, [look])
  // A link with an invitation may be opened while the page stands there.
  useEffect(() => {
    const changed = (): void => setInvitation((last) => takeInvitation() ?? last)
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])

  if (invitation !== undefined) {
    return (
      <Layout>
        <Invitation
          key={invitation}
          code={invitation}
          onIn={onIn}
          onLeave={() => setInvitation(undefined)}
        />
      </Layout>
    )
  }
  switch (visit.state) {
    case 'looking':
      return (
        <Layout>
          <Progress>{say('kit.loading')}</Progress>
        </Layout>
      )
    case 'failed':
      return (
        <Layout>
          <Failure failure={visit.failure} again={look} />
        </Layout>
      )
    case 'out':
      return (
        <Layout>
          <SignIn why={visit.why} onIn={onIn} onInvitation={setInvitation} />
        </Layout>
      )
    case 'in':
      return (
        <WatchSession onEnded={onOut}>
          <SignedIn session={visit.session} hash={hash} onOut={onOut} />
        </WatchSession>
      )
  }
}

function SignedIn(props: {
  readonly session: SessionView
  readonly hash: string
  readonly onOut: (why: 'signed-out') => void
}): VNode {
  const { say } = useWords()
  const { role } = props.session
  const own: Tab = { hash: '#account', name: say('operator.account') }
  const tabs: readonly Tab[] =
    role === 'operator'
      ? [
          { hash: '#overview', name: say('operator.overview') },
          { hash: '#keys', name: say('operator.keys') },
          { hash: '#deliveries', name: say('operator.deliveries') },
          own,
        ]
      : [own]
  const current = (tabs.find(({ hash }) => hash === props.hash) ?? tabs[0] ?? own).hash
  return (
    <Layout tabs={tabs} current={current}>
      {role !== 'operator' && (
        <Notice tone="warn" title={say('operator.other-role', { role: say(`role.${role}`) })} />
      )}
      {current === '#overview' && <Overview />}
      {current === '#keys' && <Keys />}
      {current === '#deliveries' && <Deliveries />}
      {current === '#account' && <Account onOut={props.onOut} />}
    </Layout>
  )
}

function useHash(): string {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const changed = (): void => setHash(location.hash)
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return hash
}

/** The code of an invitation in the address, which is taken out of it: addresses are shown, kept and copied. */
function takeInvitation(): string | undefined {
  const code = /^#invitation=([\w-]{1,128})$/.exec(location.hash)?.[1]
  if (code !== undefined) history.replaceState(undefined, '', location.pathname)
  return code
}

const page = document.getElementById('page')
if (page === null) throw new Error('the document has no place for the page')
render(
  <Speaking>
    <OperatorPage />
  </Speaking>,
  page,
)
