/** The right to do what only one process may do at a time. */
export interface Lease {
  /**
   * Runs `work` and answers its result, unless another process holds the lease: then `undefined`, and nothing ran. The
   * lease is given back when `work` ends, and free for others some time after a holder that died.
   */
  during<Result>(work: () => Promise<Result>): Promise<{ readonly result: Result } | undefined>
  /** Whether this process was the last to hold it. */
  isOurs(): Promise<boolean>
}

/** Another process has taken the lease over; nothing of what was to be written is. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}

/** The lease of a process that shares its database with no other server. */
export const soleHolder: Lease = {
  during: async (work) => ({ result: await work() }),
  isOurs: async () => true,
}
