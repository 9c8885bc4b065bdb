/**
 * The last checkpoint that a log has signed, kept apart from its database, so that a database restored from an old
 * backup, or a copy that went its own way, is found out before it signs another tree of the same size.
 */
export interface CheckpointMark {
  read(): Promise<string | undefined>
  /** Replaces the mark; durable when it resolves. */
  write(checkpoint: string): Promise<void>
}
