import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { DeliveryPage, DeliveryView } from '../../issuer/operator/view.ts'
import { Button, Choice } from '../kit/form.page.tsx'
import { Heading } from '../kit/layout.page.tsx'
import { Empty, Failure, Notice, Progress, State } from '../kit/notice.page.tsx'
import { CallFailed } from '../kit/server.ts'
import { type Column, Table } from '../kit/table.page.tsx'
import { useWords } from '../kit/words.page.tsx'
import { useAnswer, useAsk } from './signed-in.page.tsx'
import { OfTenant } from './tenant-choice.page.tsx'

const TONES = { pending: 'warn', delivered: 'good', dead: 'bad' } as const

/** Deliveries of a tenant's webhooks, and a way to send one again. */
export function Deliveries(): VNode {
  const { say } = useWords()
  return (
    <>
      <Heading>{say('operator.deliveries')}</Heading>
      <p class="quiet">{say('deliveries.words')}</p>
      <OfTenant show={(tenant) => <DeliveriesOf key={tenant} tenant={tenant} />} />
    </>
  )
}

type Resent =
  | { readonly state: 'sending' | 'sent'; readonly id: number }
  | { readonly state: 'refused'; readonly failure: CallFailed }

function DeliveriesOf({ tenant }: { readonly tenant: string }): VNode {
  const { say } = useWords()
  const ask = useAsk()
  const [state, setState] = useState('')
  const [cursor, setCursor] = useState<string>()
  const [resent, setResent] = useState<Resent>()
  const base = `/operator/tenants/${encodeURIComponent(tenant)}/deliveries`
  const query = new URLSearchParams({
    ...(state === '' ? {} : { state }),
    limit: '50',
    ...(cursor === undefined ? {} : { cursor }),
  })
  const { value, failure, isLoading, again } = useAnswer<DeliveryPage>(`${base}?${query}`)
  const resend = async (id: number): Promise<void> => {
    setResent({ state: 'sending', id })
    try {
      await ask('POST', `${base}/${id}/resend`)
      setResent({ state: 'sent', id })
      again()
    } catch (thrown) {
      const refused = thrown instanceof CallFailed ? thrown : new CallFailed(undefined)
      setResent({ state: 'refused', failure: refused })
    }
  }
  return (
    <>
      <div class="head">
        <Choice
          name={say('deliveries.state')}
          value={state}
          options={[
            ['', say('deliveries.all')],
            ['pending', say('deliveries.pending')],
            ['delivered', say('deliveries.delivered')],
            ['dead', say('deliveries.dead')],
          ]}
          onChange={(next) => {
            setState(next)
            setCursor(undefined)
          }}
        />
        <Button less isBusy={isLoading} onPress={again}>
          {say('kit.refresh')}
        </Button>
      </div>
      {resent?.state === 'sent' && (
        <Notice tone="good" title={say('deliveries.resent', { id: String(resent.id) })} />
      )}
      {resent?.state === 'refused' && <Failure failure={resent.failure} />}
      {failure && <Failure failure={failure} again={again} />}
      {value === undefined && isLoading && <Progress>{say('kit.loading')}</Progress>}
      {value?.deliveries.length === 0 && <Empty>{say('deliveries.empty')}</Empty>}
      {value !== undefined && value.deliveries.length > 0 && (
        <DeliveryTable
          rows={value.deliveries}
          sending={resent?.state === 'sending' ? resent.id : undefined}
          onResend={resend}
        />
      )}
      <div class="buttons">
        {cursor !== undefined && (
          <Button onPress={() => setCursor(undefined)}>{say('kit.newest')}</Button>
        )}
        {value?.next !== undefined && (
          <Button onPress={() => setCursor(value.next)}>{say('kit.more')}</Button>
        )}
      </div>
    </>
  )
}

function DeliveryTable(props: {
  readonly rows: readonly DeliveryView[]
  readonly sending: number | undefined
  readonly onResend: (id: number) => Promise<void>
}): VNode {
  const { say, moment } = useWords()
  const columns: readonly Column<DeliveryView>[] = [
    {
      name: say('deliveries.event'),
      kind: 'title',
      cell: ({ type, id }) => (
        <>
          <span class="code">{type}</span> <span class="quiet small">{id}</span>
        </>
      ),
    },
    {
      name: say('deliveries.state'),
      cell: ({ state }) => <State tone={TONES[state]}>{say(`deliveries.${state}`)}</State>,
    },
    {
      name: say('deliveries.receiver'),
      cell: ({ receiver }) => <span class="small free">{receiver}</span>,
    },
    {
      name: say('deliveries.attempts'),
      cell: ({ attempts, lastOutcome }) => {
        const tries = say('deliveries.tries', { count: attempts })
        return lastOutcome === undefined
          ? tries
          : say('deliveries.outcome', { tries, outcome: lastOutcome })
      },
    },
    {
      name: say('deliveries.when'),
      cell: ({ settledAt, dueAt }) =>
        settledAt === undefined
          ? say('deliveries.due', { time: moment(dueAt) })
          : moment(settledAt),
    },
    {
      name: say('kit.acts'),
      kind: 'acts',
      cell: ({ id, state }) =>
        state !== 'pending' && (
          <Button
            less
            isBusy={props.sending === id}
            label={say('deliveries.resend-which', { id: String(id) })}
            onPress={() => props.onResend(id)}
          >
            {say('deliveries.resend')}
          </Button>
        ),
    },
  ]
  return (
    <Table
      name={say('operator.deliveries')}
      columns={columns}
      rows={props.rows}
      keyOf={({ id }) => id}
    />
  )
}
