import { z } from 'zod'

/** How a server is watched and stopped. */
export interface OperationSettings {
  /** Where `/metrics`, `/healthz` and `/readyz` are answered to whoever runs the server; nowhere where nothing is said. */
  readonly operator?:
    | {
        /** The address to bind. It asks for no key: only the operator's machines may reach it. */
        readonly host: string
        /** The port to bind. */
        readonly port: number
      }
    | undefined
  readonly stop: {
    /** Seconds for which a server that was told to stop still takes requests while it says that it is not ready. */
    readonly drainSeconds: number
  }
}

/** The members of the operator's listener. */
export const operatorListener: {
  readonly host: z.ZodType<string>
  readonly port: z.ZodType<number>
} = {
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65_535),
}

/** The members of a configuration that set them. */
export const operationSettings: {
  readonly operator: z.ZodType<OperationSettings['operator']>
  readonly stop: z.ZodType<OperationSettings['stop']>
} = {
  operator: z.strictObject(operatorListener).optional(),
  stop: z.strictObject({ drainSeconds: z.int().min(0).max(300).default(2) }).prefault({}),
}
