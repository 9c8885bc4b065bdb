import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import { expect } from 'chai'
import {
  type Browser,
  type BrowserContext,
  type CDPSession,
  chromium,
  type Page,
} from 'playwright-core'

const EXECUTABLE = process.env.CARNET_CHROMIUM ?? '/usr/bin/chromium'
/** A folder where every page that is looked at is kept as a picture, for a person to look at too. */
const SCREENSHOTS = process.env.CARNET_SCREENSHOTS

/** Without these, Chromium looks for hosts of its maker at every start. */
const FLAGS = [
  ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
]

/** Phone and desktop, in light and dark. */
export const LOOKS = [
  { width: 390, height: 844, scheme: 'light' },
  { width: 390, height: 844, scheme: 'dark' },
  { width: 1280, height: 800, scheme: 'light' },
  { width: 1280, height: 800, scheme: 'dark' },
] as const

/** Whether there is a Chromium. It has to be there in CI; elsewhere, a test that needs it says that it was skipped. */
export function hasChromium(): boolean {
  if (existsSync(EXECUTABLE)) return true
  if (process.env.CI) throw new Error(`there is no ${EXECUTABLE}: install Debian's chromium`)
  process.stderr.write(
    `SKIPPED: there is no ${EXECUTABLE}; set CARNET_CHROMIUM, or install chromium\n`,
  )
  return false
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS, chromiumSandbox: false })
}

/** A visitor with a browser of their own, an authenticator in it, and an eye on what the page may not do. */
export interface Visitor {
  readonly page: Page
  readonly context: BrowserContext
  /** Whatever the policy of a page has stopped, and every error of its scripts. */
  readonly violations: string[]
  /** Whether the authenticator can verify its user from now on. */
  setUserVerified(isVerified: boolean): Promise<void>
  close(): Promise<void>
}

export async function openVisitor(browser: Browser, locale = 'en-GB'): Promise<Visitor> {
  const context = await browser.newContext({ locale, timezoneId: 'Europe/Berlin' })
  const page = await context.newPage()
  const violations: string[] = []
  await context.exposeFunction('reportViolation', (text: string) => violations.push(text))
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) => {
      const { reportViolation } = globalThis as unknown as {
        reportViolation: (text: string) => void
      }
      reportViolation(`${violatedDirective} ${blockedURI} ${sample}`)
    })
  })
  page.on('pageerror', (error) => violations.push(`error ${error.message}`))
  const session = await context.newCDPSession(page)
  const authenticatorId = await addAuthenticator(session)
  return {
    page,
    context,
    violations,
    setUserVerified: async (isUserVerified) => {
      await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    },
    close: () => context.close(),
  }
}

async function addAuthenticator(session: CDPSession): Promise<string> {
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return authenticatorId
}

/** Looks at a page at every width and in every scheme: axe-core finds nothing, and nothing is wider than the window. */
export async function expectGood(page: Page, name: string): Promise<void> {
  for (const { width, height, scheme } of LOOKS) {
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    const look = `${name} ${width} ${scheme}`
    if (SCREENSHOTS !== undefined) {
      mkdirSync(SCREENSHOTS, { recursive: true })
      await page.screenshot({
        path: join(SCREENSHOTS, `${look.replaceAll(' ', '-')}.png`),
        fullPage: true,
      })
    }
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    expect(overflow, `${look} is wider than the window`).to.equal(0)
    const isThere = await page.evaluate(() => 'axe' in globalThis)
    if (!isThere) await page.evaluate(axe.source)
    const { violations, passes } = await page.evaluate(
      async () => await (globalThis as unknown as { axe: typeof axe }).axe.run(),
    )
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`)
    expect(found, look).to.deep.equal([])
    expect(passes.length, `${look}: a tool that reads nothing finds nothing`).to.be.greaterThan(10)
  }
}
