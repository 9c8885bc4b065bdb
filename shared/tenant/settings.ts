import { z } from 'zod'

/** More tenants than one process should serve. */
const MOST_TENANTS = 64

/** The member of a host configuration that names its tenants. */
export const tenantsSchema: z.ZodType<Readonly<Record<string, string>>> = z
  .record(
    z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is no name of lower-case letters, digits and -'),
    z.string().min(1),
  )
  .refine((tenants) => Object.keys(tenants).length > 0, 'names no tenant')
  .refine(
    (tenants) => Object.keys(tenants).length <= MOST_TENANTS,
    `names more than ${MOST_TENANTS} tenants`,
  )
