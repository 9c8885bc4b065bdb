import type { ComponentChildren, VNode } from 'preact'
import { useId } from 'preact/hooks'

/** A button that keeps its place and the focus while it is busy, and then does nothing. */
export function Button(props: {
  readonly onPress?: () => void
  readonly first?: boolean
  readonly less?: boolean
  readonly isBusy?: boolean
  /** What is said instead of the words on it, where these are the same on several buttons. */
  readonly label?: string
  readonly submits?: boolean
  readonly children: ComponentChildren
}): VNode {
  const { onPress, first, less, isBusy = false, label, submits = false } = props
  const press = (event: Event): void => {
    if (isBusy) event.preventDefault()
    else onPress?.()
  }
  return (
    <button
      type={submits ? 'submit' : 'button'}
      class={`${first ? 'first' : ''} ${less ? 'less' : ''}`.trim()}
      aria-disabled={isBusy}
      {...(label === undefined ? {} : { 'aria-label': label })}
      onClick={press}
    >
      {props.children}
    </button>
  )
}

/** A form that the keyboard can send; what it does with its values is the caller's. */
export function Form(props: {
  readonly onSubmit: () => void
  readonly children: ComponentChildren
}): VNode {
  const submit = (event: Event): void => {
    event.preventDefault()
    props.onSubmit()
  }
  return (
    <form class="form" onSubmit={submit}>
      {props.children}
    </form>
  )
}

/** One line of text, with what is wrong with it beside it. */
export function Field(props: {
  readonly name: string
  readonly value: string
  /** Why the value cannot be used; it is read when the field has the focus. */
  readonly fault?: string | undefined
  readonly onInput: (value: string) => void
}): VNode {
  const id = useId()
  const { name, value, fault, onInput } = props
  const described = fault === undefined ? {} : { 'aria-describedby': `${id}-fault` }
  return (
    <div class="field">
      <label for={id}>{name}</label>
      <input
        id={id}
        value={value}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={fault !== undefined}
        {...described}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {fault !== undefined && (
        <span class="fault" id={`${id}-fault`} role="alert">
          {fault}
        </span>
      )}
    </div>
  )
}

/** A choice of one among a few. */
export function Choice(props: {
  readonly name: string
  readonly value: string
  readonly options: readonly (readonly [value: string, name: string])[]
  readonly onChange: (value: string) => void
}): VNode {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{props.name}</label>
      <select
        id={id}
        value={props.value}
        onChange={(event) => props.onChange(event.currentTarget.value)}
      >
        {props.options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  )
}
