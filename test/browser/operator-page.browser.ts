import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { systemRandom } from '../../shared/random.ts'
import { immediate } from '../../shared/store/database.sqlite.ts'
import { emitEvent } from '../../shared/webhook/store.sqlite.ts'
import { fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { openOperatorPage, type TestOperatorPage } from '../support/operator-page.ts'
import { expectGood, hasChromium, openBrowser, openVisitor, type Visitor } from './visitor.ts'

const START = 1_800_000_000

describe('the operator page in Chromium', function () {
  this.timeout(60_000)
  let now = START
  let health: 'ok' | 'failing' = 'ok'
  let issuer: TestIssuer
  let operator: TestOperatorPage
  let browser: Browser
  let visitor: Visitor
  let page: Page
  let names = 0

  before(async function () {
    if (!hasChromium()) this.skip()
    issuer = await openIssuer(fixturePipeline(), { clock: () => now })
    operator = await openOperatorPage(issuer, {
      clock: () => now,
      checkHealth: () => {
        if (health === 'failing') throw new Error('the disk is full')
      },
      readiness: async () => ({
        status: health === 'ok' ? 'ready' : 'not ready',
        checks: { store: health, status_lists: 'ok', models: 'ok' },
      }),
    })
    await fillOutbox(issuer)
    browser = await openBrowser()
  })
  after(async () => {
    await browser?.close()
    await operator?.close()
    await issuer?.close()
  })
  beforeEach(async () => {
    now = START + 120
    health = 'ok'
    visitor = await openVisitor(browser)
    page = visitor.page
  })
  afterEach(async () => {
    const { violations } = visitor
    await visitor.close()
    expect(
      violations,
      'the policy of the page stopped something, or a script failed',
    ).to.deep.equal([])
  })

  const heading = () => page.locator('h1').textContent()
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  const go = (name: string) => page.getByRole('link', { name, exact: true }).click()
  const seeHeading = (name: string) => page.getByRole('heading', { level: 1, name }).waitFor()

  async function signedIn(): Promise<string> {
    names += 1
    const name = `ada-${names}`
    await page.goto(`${operator.origin}/operator/#invitation=${await operator.invite(name)}`)
    await press('Make a passkey')
    await seeHeading('Overview')
    return name
  }

  it('makes a passkey for whoever was invited, and takes it at the next sign-in', async () => {
    const name = await signedIn()
    expect(page.url(), 'the code leaves the address').to.equal(`${operator.origin}/operator/`)
    const cookies = await visitor.context.cookies()
    const session = cookies.find((cookie) => cookie.name === '__Host-carnet-session')
    expect(session).to.include({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' })
    expect(await page.evaluate(() => document.cookie)).to.equal('')
    await go('Account')
    await page.getByText(`Signed in as ${name}`).waitFor()
    await press('Sign out')
    await seeHeading('Sign in')
    await page.getByText('You are signed out.').waitFor()
    await press('Sign in with a passkey')
    await seeHeading('Account')
    await page.reload()
    await seeHeading('Account')
    const { passkey } = (await operator.accounts.passkey(passkeyId(name))) ?? {}
    expect(passkey?.counter, 'a counter that rises').to.be.greaterThan(1)
  })

  it('makes no passkey, and signs nobody in, where the user is not verified', async () => {
    await page.goto(
      `${operator.origin}/operator/#invitation=${await operator.invite('unverified')}`,
    )
    await page.getByRole('button', { name: 'Make a passkey' }).waitFor()
    await visitor.setUserVerified(false)
    await press('Make a passkey')
    await page.getByText('No passkey was used. You can try again.').waitFor()
    await visitor.setUserVerified(true)
    await press('Make a passkey')
    await seeHeading('Overview')
    await go('Account')
    await press('Sign out')
    await visitor.setUserVerified(false)
    await press('Sign in with a passkey')
    await page.getByText('No passkey was used. You can try again.').waitFor()
    expect(await heading()).to.equal('Sign in')
  })

  it('says that an invitation was used, and leads to the sign-in', async () => {
    const code = await operator.invite('once')
    await page.goto(`${operator.origin}/operator/#invitation=${code}`)
    await press('Make a passkey')
    await seeHeading('Overview')
    await page.goto(`${operator.origin}/operator/#invitation=${code}`)
    await seeHeading('This invitation does not hold')
    await expectGood(page, 'invitation refused')
  })

  it('takes an invitation by hand, and says what is wrong with one that is none', async () => {
    await page.goto(`${operator.origin}/operator/`)
    await page.getByLabel('Invitation').fill('something')
    await page.keyboard.press('Enter')
    await page.getByText('Paste the whole link').waitFor()
    await expectGood(page, 'sign in wrong invitation')
    const code = await operator.invite('by-hand')
    await page.getByLabel('Invitation').fill(`${operator.origin}/operator/#invitation=${code}`)
    await press('Use the invitation')
    await seeHeading('Make a passkey')
    await press('Make a passkey')
    await seeHeading('Overview')
  })

  it('leads to the sign-in when the session was revoked elsewhere', async () => {
    const name = await signedIn()
    expect(await operator.accounts.endSessions(name, now)).to.equal(1)
    await go('API keys')
    await seeHeading('Sign in')
    await page.getByText('Your session has ended. Sign in again to go on.').waitFor()
    await expectGood(page, 'session ended')
  })

  it('signs out everywhere', async () => {
    const name = await signedIn()
    const other = await visitor.context.newPage()
    await other.goto(`${operator.origin}/operator/`)
    await other.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await go('Account')
    await press('Sign out everywhere')
    await seeHeading('Sign in')
    await other.getByRole('button', { name: 'Refresh' }).click()
    await other.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    const account = (await operator.accounts.accounts(now)).find((each) => each.name === name)
    expect(account?.sessions).to.equal(0)
  })

  it('shows an account of another role itself, and nothing else', async () => {
    const code = await operator.invite('reviewer-1', 'reviewer')
    await page.goto(`${operator.origin}/operator/#invitation=${code}`)
    await press('Make a passkey')
    await page.getByText('Your account has the role Reviewer.').waitFor()
    expect(await page.getByRole('link').allTextContents()).to.deep.equal([
      'Skip to the content',
      'Account',
    ])
    await expectGood(page, 'other role')
  })

  it('is good to look at everywhere, at every width and in light and dark', async () => {
    await page.goto(`${operator.origin}/operator/`)
    await seeHeading('Sign in')
    await expectGood(page, 'sign in')
    await page.goto(`${operator.origin}/operator/#invitation=${await operator.invite('looked')}`)
    await seeHeading('Make a passkey')
    await expectGood(page, 'invitation')
    await press('Make a passkey')
    await page.getByText('The server does its work').waitFor()
    await expectGood(page, 'overview')
    await go('API keys')
    await page.getByRole('cell', { name: 'driver' }).waitFor()
    await expectGood(page, 'keys')
    await go('Webhooks')
    await page.getByRole('cell', { name: 'given up' }).first().waitFor()
    await expectGood(page, 'deliveries')
    await go('Account')
    await page.getByText('Signed in as').waitFor()
    await expectGood(page, 'account')
    health = 'failing'
    await go('Overview')
    await page.getByText('The server does not do its work').waitFor()
    await expectGood(page, 'overview failing')
  })

  it('tells list ages, keys and the log as they are', async () => {
    await signedIn()
    await page.getByText('The server does its work').waitFor()
    await page.getByText('2 minutes ago').waitFor()
    await page.getByText('58 minutes').waitFor()
    await page.getByText(issuer.auditLog.vkey).waitFor()
    await go('API keys')
    await page.getByRole('row', { name: /driver.*Platform.*active/ }).waitFor()
    await issuer.keys.revokeKeys({ name: 'driver' }, now)
    await page.reload()
    await page.getByRole('row', { name: /driver.*Platform.*revoked/ }).waitFor()
  })

  it('sends a delivery again that was given up', async () => {
    await signedIn()
    await go('Webhooks')
    await page.getByLabel('State').selectOption('dead')
    const resend = page.getByRole('button', { name: /^Send again: delivery \d+$/ })
    await resend.first().waitFor()
    const before = (await issuer.webhooks.backlog()).dead
    const sent = (await resend.first().getAttribute('aria-label')) ?? ''
    await page.getByRole('button', { name: sent }).click()
    await page.getByText(/Delivery \d+ will be sent now/).waitFor()
    expect((await issuer.webhooks.backlog()).dead).to.equal(before - 1)
    await page.getByRole('button', { name: sent }).waitFor({ state: 'detached' })
    const stale = (await resend.first().getAttribute('aria-label')) ?? ''
    await issuer.webhooks.resend(Number(/\d+/.exec(stale)?.[0]), now)
    await page.getByRole('button', { name: stale }).click()
    await page.getByText('This delivery waits already').waitFor()
    await page.getByText('delivery_pending').waitFor()
    await expectGood(page, 'refused')
  })

  it('can be used with the keyboard alone', async () => {
    await page.goto(`${operator.origin}/operator/#invitation=${await operator.invite('keys')}`)
    await seeHeading('Make a passkey')
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement
        return `${element?.tagName} ${element?.getAttribute('aria-label') ?? element?.textContent}`
      })
    const tabTo = async (wanted: RegExp): Promise<void> => {
      for (let presses = 0; presses < 30; presses += 1) {
        await page.keyboard.press('Tab')
        if (wanted.test(await focused())) return
      }
      throw new Error(`Tab does not reach ${wanted}; it is at ${await focused()}`)
    }
    expect(await focused(), 'the heading has the focus, so that it is read').to.equal(
      'H1 Make a passkey',
    )
    await tabTo(/^BUTTON Make a passkey$/)
    await page.keyboard.press('Enter')
    await seeHeading('Overview')
    expect(await focused()).to.equal('H1 Overview')
    await page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await page.evaluate(() => getSelection()?.removeAllRanges())
    await page.reload()
    await seeHeading('Overview')
    await page.keyboard.press('Shift+Tab')
    await tabTo(/^A Skip to the content$/)
    const skip = page.locator('.skip')
    expect((await skip.boundingBox())?.y, 'it is seen when it has the focus').to.be.at.least(0)
    await page.keyboard.press('Enter')
    expect(await focused()).to.match(/^MAIN /)
    await tabTo(/^BUTTON Refresh$/)
    await page.keyboard.press('Shift+Tab')
    expect(await focused(), 'backwards from the content: the last place to go').to.equal(
      'A Account',
    )
    await page.keyboard.press('Shift+Tab')
    expect(await focused()).to.equal('A Webhooks')
    await page.keyboard.press('Enter')
    await seeHeading('Webhooks')
    await tabTo(/^BUTTON Send again: delivery \d+$/)
    await page.keyboard.press('Space')
    await page.getByText(/Delivery \d+ will be sent now/).waitFor()
  })

  it('speaks the language of the browser, or the one that was chosen', async () => {
    const german = await openVisitor(browser, 'de-AT')
    try {
      await german.page.goto(
        `${operator.origin}/operator/#invitation=${await operator.invite('d')}`,
      )
      await german.page.getByRole('button', { name: 'Passkey anlegen' }).click()
      await german.page.getByText('Der Server tut seine Arbeit').waitFor()
      await german.page.getByText('vor 2 Minuten').waitFor()
      expect(await german.page.evaluate(() => document.documentElement.lang)).to.equal('de')
      await expectGood(german.page, 'overview german')
      await german.page.getByLabel('Sprache').selectOption('en')
      await german.page.getByText('The server does its work').waitFor()
      await german.page.reload()
      await german.page.getByText('The server does its work').waitFor()
      expect(german.violations).to.deep.equal([])
    } finally {
      await german.close()
    }
  })

  it('runs no script that somebody put into it (CSP Level 3, Trusted Types)', async () => {
    await signedIn()
    const before = visitor.violations.length
    const outcome = await page.evaluate(() => {
      const tried: string[] = []
      try {
        document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.ran = true">')
        tried.push('html was taken')
      } catch (error) {
        tried.push((error as Error).name)
      }
      const script = document.createElement('script')
      try {
        script.textContent = 'window.ran = true'
        document.body.append(script)
        tried.push('script was taken')
      } catch (error) {
        tried.push((error as Error).name)
      }
      return { tried, ran: 'ran' in globalThis }
    })
    expect(outcome).to.deep.equal({ tried: ['TypeError', 'TypeError'], ran: false })
    await page.waitForTimeout(100)
    const stopped = visitor.violations.splice(before)
    expect(stopped.join('\n')).to.match(/require-trusted-types-for/)
  })

  function passkeyId(name: string): string {
    const { id } = issuer.db
      .prepare(
        'SELECT passkey.id FROM passkey JOIN account ON account.id = account_id WHERE name = ?',
      )
      .get(name) as { id: string }
    return id
  }
})

/** Deliveries in every state, as a worker would have left them. */
async function fillOutbox({ db, webhooks }: TestIssuer): Promise<void> {
  await webhooks.addEndpoint({
    id: 'endpoint',
    url: 'https://platform.example/hooks/carnet',
    platform: undefined,
    types: ['carnet.session.decided.v1', 'carnet.credential.issued.v1'],
    createdAt: START,
  })
  immediate(db, () => {
    for (let subject = 0; subject < 8; subject += 1) {
      const type = subject % 2 ? 'carnet.credential.issued.v1' : 'carnet.session.decided.v1'
      emitEvent(
        db,
        { type, subject: `s${subject}`, platform: undefined, at: START, data: {} },
        systemRandom,
      )
    }
  })
  const claimed = await webhooks.claim(
    { claim: 'c', limit: 6, perEndpoint: 6, leaseUntil: START + 60 },
    START,
  )
  for (const [place, { id }] of claimed.entries()) {
    const outcome =
      place < 4
        ? ({ outcome: '503', next: 'dead' } as const)
        : ({ outcome: '204', next: 'delivered' } as const)
    await webhooks.recordAttempt(id, 'c', outcome, START + 5)
  }
}
