import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import icon from './icon.svg'
import { useWords } from './words.page.tsx'

/** One place that a page leads to. */
export interface Tab {
  readonly hash: string
  readonly name: string
}

/** The frame of every page: skip link, name, language, places to go, and the one main part. */
export function Layout(props: {
  readonly tabs?: readonly Tab[]
  readonly current?: string
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}): VNode {
  const { say } = useWords()
  const main = useRef<HTMLElement>(null)
  const { tabs = [], current } = props
  // The fragment says which part is shown, so that the link moves the focus by itself.
  const skip = (event: Event): void => {
    event.preventDefault()
    main.current?.focus()
  }
  return (
    <div class="shell">
      {/* biome-ignore lint/a11y/useValidAnchor: it goes to a place on the page, and says so to a screen reader */}
      <a class="skip" href="#main" onClick={skip}>
        {say('kit.skip')}
      </a>
      <header class="bar">
        <div class="bar-inside">
          <div class="bar-top">
            <div class="mark">
              <img src={icon} alt="" width="28" height="28" />
              <span>
                Carnet <span class="quiet">{say('operator.title')}</span>
              </span>
            </div>
            {props.aside}
            <LanguageChoice />
          </div>
          {tabs.length > 0 && (
            <nav aria-label={say('kit.pages')}>
              <ul class="tabs">
                {tabs.map(({ hash, name }) => (
                  <li key={hash}>
                    <a href={hash} {...(hash === current ? { 'aria-current': 'page' } : {})}>
                      {name}
                    </a>
                  </li>
                ))}
              </ul>
            </nav>
          )}
        </div>
      </header>
      <main class="main" id="main" tabIndex={-1} ref={main}>
        {props.children}
      </main>
    </div>
  )
}

/** The heading of what is shown; it takes the focus when it appears, so that a screen reader says what came. */
export function Heading(props: {
  readonly children: ComponentChildren
  readonly beside?: ComponentChildren
}): VNode {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <div class="head">
      <h1 tabIndex={-1} ref={heading}>
        {props.children}
      </h1>
      {props.beside}
    </div>
  )
}

function LanguageChoice(): VNode {
  const { language, languages, choose, say } = useWords()
  return (
    <label>
      <span class="unseen">{say('kit.language')}</span>
      <select value={language.tag} onChange={(event) => choose(event.currentTarget.value)}>
        {languages.map(({ tag, name }) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

/** What is known of one thing, as names and values. */
export function Facts({
  facts,
}: {
  readonly facts: readonly (readonly [name: string, value: ComponentChildren])[]
}): VNode {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
