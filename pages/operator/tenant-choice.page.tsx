import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { OverviewView } from '../../issuer/operator/view.ts'
import { Choice } from '../kit/form.page.tsx'
import { Failure, Progress } from '../kit/notice.page.tsx'
import { useWords } from '../kit/words.page.tsx'
import { useAnswer } from './signed-in.page.tsx'

/** Shows something of one tenant, with a choice where there are several. */
export function OfTenant({ show }: { readonly show: (tenant: string) => VNode }): VNode {
  const { say } = useWords()
  const [chosen, setChosen] = useState<string>()
  const { value, failure, again } = useAnswer<OverviewView>('/operator/overview')
  if (failure !== undefined) return <Failure failure={failure} again={again} />
  if (value === undefined) return <Progress>{say('kit.loading')}</Progress>
  const names = value.tenants.map(({ name }) => name)
  const tenant = chosen ?? names[0] ?? ''
  return (
    <>
      {names.length > 1 && (
        <div class="fields">
          <Choice
            name={say('operator.tenant')}
            value={tenant}
            options={names.map((name) => [name, name])}
            onChange={setChosen}
          />
        </div>
      )}
      {show(tenant)}
    </>
  )
}
