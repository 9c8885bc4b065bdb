import type { VNode } from 'preact'
import type { KeyPage, KeyView } from '../../issuer/operator/view.ts'
import { Heading } from '../kit/layout.page.tsx'
import { Empty, Failure, Progress, State } from '../kit/notice.page.tsx'
import { type Column, Table } from '../kit/table.page.tsx'
import { useWords } from '../kit/words.page.tsx'
import { useAnswer } from './signed-in.page.tsx'
import { OfTenant } from './tenant-choice.page.tsx'

const ROLES = {
  reviewer: 'role.reviewer',
  operator: 'role.operator',
  platform: 'role.platform',
  regulator: 'role.regulator',
} as const

/** Every API key of a tenant, with what is known of it. */
export function Keys(): VNode {
  const { say } = useWords()
  return (
    <>
      <Heading>{say('operator.keys')}</Heading>
      <p class="quiet">{say('keys.words')}</p>
      <OfTenant show={(tenant) => <KeysOf tenant={tenant} />} />
    </>
  )
}

function KeysOf({ tenant }: { readonly tenant: string }): VNode {
  const { say, moment } = useWords()
  const path = `/operator/tenants/${encodeURIComponent(tenant)}/keys`
  const { value, failure, again } = useAnswer<KeyPage>(path)
  if (failure !== undefined) return <Failure failure={failure} again={again} />
  if (value === undefined) return <Progress>{say('kit.loading')}</Progress>
  if (value.keys.length === 0) return <Empty>{say('keys.empty')}</Empty>
  const columns: readonly Column<KeyView>[] = [
    {
      name: say('keys.name'),
      kind: 'title',
      cell: ({ name, id }) => (
        <>
          {name} <span class="quiet small code">{id}</span>
        </>
      ),
    },
    {
      name: say('keys.role'),
      cell: ({ role }) => (isRole(role) ? say(ROLES[role]) : role),
    },
    { name: say('keys.made'), cell: ({ createdAt }) => moment(createdAt) },
    {
      name: say('keys.used'),
      cell: ({ lastUsedAt }) => (lastUsedAt === undefined ? say('kit.never') : moment(lastUsedAt)),
    },
    {
      name: say('keys.ends'),
      cell: ({ expiresAt }) => (expiresAt === undefined ? say('kit.never') : moment(expiresAt)),
    },
    {
      name: say('keys.state'),
      cell: (key) => <KeyState of={key} asOf={value.asOf} />,
    },
  ]
  return (
    <Table name={say('operator.keys')} columns={columns} rows={value.keys} keyOf={({ id }) => id} />
  )
}

function KeyState({ of, asOf }: { readonly of: KeyView; readonly asOf: number }): VNode {
  const { say } = useWords()
  if (of.revokedAt !== undefined) return <State tone="bad">{say('keys.revoked')}</State>
  if (of.expiresAt !== undefined && of.expiresAt <= asOf) {
    return <State tone="warn">{say('keys.expired')}</State>
  }
  return <State tone="good">{say('keys.active')}</State>
}

function isRole(name: string): name is keyof typeof ROLES {
  return Object.hasOwn(ROLES, name)
}
