/**
 * Where a command speaks. Results go to standard output, so that they can be piped; everything else goes to standard
 * error; questions go to the terminal itself, whatever the streams are connected to.
 */
export interface Terminal {
  /** A line of the result. */
  print(line: string): void
  /** A line beside the result: warnings, errors, hints. */
  note(line: string): void
  /** A line that whoever answers must have read: on the terminal where there is one, wherever the streams go. */
  tell(line: string): void
  /** Columns there are to fill. */
  readonly width: number
  /** Whether someone is there to answer. */
  readonly interactive: boolean
  /** @throws WalletError `answer_needed` with `hint` when nobody is there, `interrupted` when the question was left */
  ask(question: Question): Promise<string>
  /** No is the answer that Return gives. Throws as {@link Terminal.ask}. */
  confirm(message: string, hint: string): Promise<boolean>
}

/** One line that is wanted from the worker. */
export interface Question {
  readonly message: string
  /** How to give the answer where nobody can be asked. */
  readonly hint: string
  /** The answer is not shown. */
  readonly secret?: boolean
  /** Why an answer will not do, or `undefined` when it will. */
  readonly check?: (answer: string) => string | undefined
}
