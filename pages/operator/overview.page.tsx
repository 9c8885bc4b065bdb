import type { VNode } from 'preact'
import type { ListView, OverviewView, TenantView } from '../../issuer/operator/view.ts'
import { Button } from '../kit/form.page.tsx'
import { Facts, Heading } from '../kit/layout.page.tsx'
import { Empty, Failure, Notice, Progress, State } from '../kit/notice.page.tsx'
import { type Column, Table } from '../kit/table.page.tsx'
import { useWords, type Words } from '../kit/words.page.tsx'
import { useAnswer } from './signed-in.page.tsx'

/** A quarter of an hour before verifiers refuse what is served. */
const SOON_SECONDS = 900

const CHECKS = {
  store: 'overview.check.store',
  status_lists: 'overview.check.status_lists',
  models: 'overview.check.models',
} as const

/** How the server and its tenants are. */
export function Overview(): VNode {
  const { say, moment } = useWords()
  const { value, failure, isLoading, again } = useAnswer<OverviewView>('/operator/overview')
  return (
    <>
      <Heading
        beside={
          <>
            {value && (
              <span class="quiet small">{say('operator.as-of', { time: moment(value.asOf) })}</span>
            )}
            <Button less isBusy={isLoading} onPress={again}>
              {say('kit.refresh')}
            </Button>
          </>
        }
      >
        {say('operator.overview')}
      </Heading>
      {failure && <Failure failure={failure} again={again} />}
      {value === undefined && isLoading && <Progress>{say('kit.loading')}</Progress>}
      {value && <Server overview={value} />}
      {value?.tenants.map((tenant) => (
        <Tenant key={tenant.name} tenant={tenant} asOf={value.asOf} />
      ))}
    </>
  )
}

function Server({ overview }: { readonly overview: OverviewView }): VNode {
  const { say } = useWords()
  const { health, checks } = overview
  const failing = Object.keys(checks).filter((name) => checks[name] === 'failing')
  return (
    <section class="card" aria-labelledby="server">
      <h2 id="server">{say('overview.server')}</h2>
      {health === 'ok' && <Notice tone="good" title={say('overview.well')} />}
      {health === 'starting' && <Notice tone="warn" title={say('overview.starting')} />}
      {health === 'failing' && (
        <Notice tone="bad" title={say('overview.failing')}>
          <p>{say('overview.failing-words', { checks: failing.join(', ') || say('kit.none') })}</p>
        </Notice>
      )}
      <div class="cards">
        <Facts
          facts={Object.entries(checks).map(([name, result]) => [
            checkName(name, say),
            result === 'ok' ? (
              <State tone="good">{say('overview.ok')}</State>
            ) : (
              <State tone="bad">{say('overview.failed')}</State>
            ),
          ])}
        />
      </div>
    </section>
  )
}

/** A check by its words; of several tenants, with whose it is. */
function checkName(name: string, say: Words['say']): string {
  const [check = '', tenant] = name.split('/').reverse()
  const said = isKnown(check) ? say(CHECKS[check]) : check
  return tenant === undefined ? said : `${tenant}: ${said}`
}

function isKnown(name: string): name is keyof typeof CHECKS {
  return Object.hasOwn(CHECKS, name)
}

function Tenant({ tenant, asOf }: { readonly tenant: TenantView; readonly asOf: number }): VNode {
  const { say, number, duration } = useWords()
  const { log, deliveries, notices } = tenant
  const id = `tenant-${tenant.name}`
  const overdue = deliveries.oldestDueAt === undefined ? 0 : asOf - deliveries.oldestDueAt
  return (
    <section class="group" aria-labelledby={id}>
      <h2 id={id}>
        {say('operator.tenant')} {tenant.name}
      </h2>
      <div class="cards">
        <div class="card">
          <Facts
            facts={[
              [say('overview.issuer'), tenant.issuer],
              [say('overview.country'), tenant.country],
              [say('overview.address'), <span class="code">{tenant.address}</span>],
            ]}
          />
        </div>
        <div class="card">
          <h3>{say('overview.log')}</h3>
          <Facts
            facts={[
              [say('overview.entries'), <span class="figure">{number(log.entries)}</span>],
              [
                say('overview.lag'),
                <State tone={log.lag === 0 ? 'good' : 'warn'}>{number(log.lag)}</State>,
              ],
              [say('overview.vkey'), <span class="code">{log.vkey}</span>],
            ]}
          />
        </div>
        <div class="card">
          <h3>{say('overview.deliveries')}</h3>
          <Facts
            facts={[
              [say('overview.pending'), <span class="figure">{number(deliveries.pending)}</span>],
              [
                say('overview.dead'),
                <State tone={deliveries.dead === 0 ? 'good' : 'bad'}>
                  {number(deliveries.dead)}
                </State>,
              ],
              [say('overview.oldest'), overdue > 0 ? duration(overdue) : say('kit.none')],
            ]}
          />
        </div>
        <div class="card">
          <h3>{say('overview.notices')}</h3>
          <Facts
            facts={[
              [say('overview.notices-open'), <span class="figure">{number(notices.open)}</span>],
              [
                say('overview.notices-overdue'),
                <State tone={notices.overdue === 0 ? 'good' : 'bad'}>
                  {number(notices.overdue)}
                </State>,
              ],
            ]}
          />
        </div>
      </div>
      <h3>{say('overview.lists')}</h3>
      {tenant.lists.length === 0 ? (
        <Empty>{say('overview.no-lists')}</Empty>
      ) : (
        <Lists lists={tenant.lists} asOf={asOf} />
      )}
    </section>
  )
}

function Lists({
  lists,
  asOf,
}: {
  readonly lists: readonly ListView[]
  readonly asOf: number
}): VNode {
  const { say, duration } = useWords()
  const columns: readonly Column<ListView>[] = [
    { name: say('overview.pool'), kind: 'title', cell: ({ pool }) => pool },
    {
      name: say('overview.published'),
      cell: ({ publishedAt }) => say('kit.ago', { time: duration(asOf - publishedAt) }),
    },
    {
      name: say('overview.valid-for'),
      cell: ({ expiresAt }) => {
        const left = expiresAt - asOf
        if (left <= 0) {
          return <State tone="bad">{say('overview.expired', { time: duration(-left) })}</State>
        }
        return <State tone={left < SOON_SECONDS ? 'warn' : 'good'}>{duration(left)}</State>
      },
    },
  ]
  return (
    <Table name={say('overview.lists')} columns={columns} rows={lists} keyOf={({ pool }) => pool} />
  )
}
