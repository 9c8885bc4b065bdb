import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { type ConfigSources, readConfig, readConfigFile } from '../config.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import { OperatorError } from '../operator-error.ts'

/** Which configuration is meant: that of a file (or of the environment alone), or of one tenant that a file names. */
export type ConfigChoice = string | TenantChoice | undefined

/** One of the tenants that a host configuration names. */
export interface TenantChoice {
  readonly host: string | undefined
  readonly tenant: string
}

/** A configuration of several tenants, each with a file of its own. */
export interface HostConfig {
  /** The tenants of this program by name, each with the path of its configuration. */
  readonly tenants: Readonly<Record<string, string>>
}

/** How the configurations of a program are found. */
export interface Tenancy<Host extends HostConfig = HostConfig>
  extends Pick<ConfigSources, 'env' | 'prefix'> {
  readonly schema: z.ZodType<Host>
  /** What holds for every tenant, over what its own file says. `at` reads paths as the host's file means them. */
  shared(host: Host, at: (path: string) => string): JsonObject
}

/** One tenant of a program; without a name where it has no others. */
export interface Tenant<Config> {
  readonly name: string | undefined
  readonly config: Config
  /** Reads a path as the configuration means it. */
  readonly at: (path: string) => string
}

/** Where the one configuration is that is meant. @throws OperatorError when it is of several tenants */
export function sourcesOf<Host extends HostConfig>(
  choice: ConfigChoice,
  tenancy: Tenancy<Host>,
): ConfigSources {
  const { env, prefix } = tenancy
  if (typeof choice === 'object') return hostOf(choice.host, tenancy).sourcesOf(choice.tenant)
  if (!namesTenants(choice)) return { file: choice, env, prefix }
  const names = hostOf(choice, tenancy).names.join(', ')
  throw new OperatorError('config_invalid', `${choice} is the configuration of several tenants`, {
    hint: `say which one with --tenant: ${names}`,
  })
}

/** Reads the one configuration that is meant. @throws OperatorError */
export function readChosen<Schema extends z.ZodType, Host extends HostConfig>(
  schema: Schema,
  choice: ConfigChoice,
  tenancy: Tenancy<Host>,
): Tenant<z.output<Schema>> {
  const name = typeof choice === 'object' ? choice.tenant : undefined
  return readTenant(name, schema, sourcesOf(choice, tenancy))
}

/** Reads the configuration of every tenant that is meant: all that a host configuration names, or the one. @throws OperatorError */
export function readTenants<Schema extends z.ZodType, Host extends HostConfig>(
  schema: Schema,
  choice: ConfigChoice,
  tenancy: Tenancy<Host>,
): readonly [Tenant<z.output<Schema>>, ...Tenant<z.output<Schema>>[]] {
  if (typeof choice === 'object' || !namesTenants(choice)) {
    return [readChosen(schema, choice, tenancy)]
  }
  const host = hostOf(choice, tenancy)
  const read = (name: string): Tenant<z.output<Schema>> =>
    readTenant(name, schema, host.sourcesOf(name))
  const [first = '', ...others] = host.names
  return [read(first), ...others.map(read)]
}

function readTenant<Schema extends z.ZodType>(
  name: string | undefined,
  schema: Schema,
  sources: ConfigSources,
): Tenant<z.output<Schema>> {
  const config = ofTenant(name, () => readConfig(schema, sources))
  // Paths in a file are meant from where the file is.
  return { name, config, at: (path) => resolve(dirname(sources.file ?? '.'), path) }
}

/** Does something for a tenant; a failure that its operator can mend says whose it is. */
export function ofTenant<Result>(name: string | undefined, work: () => Result): Result {
  const named = (error: unknown): never => {
    if (name === undefined || !(error instanceof OperatorError)) throw error
    throw new OperatorError(error.code, `tenant ${name}: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    })
  }
  try {
    const result = work()
    return result instanceof Promise ? (result.catch(named) as Result) : result
  } catch (error) {
    return named(error)
  }
}

/** Does something for one tenant after the other; what fails says for which one. */
export async function inTurn<Of extends { readonly name: string | undefined }, Result>(
  [first, ...others]: readonly [Of, ...Of[]],
  work: (tenant: Of) => Promise<Result>,
): Promise<[Result, ...Result[]]> {
  const results: [Result, ...Result[]] = [await ofTenant(first.name, () => work(first))]
  for (const each of others) results.push(await ofTenant(each.name, () => work(each)))
  return results
}

function namesTenants(file: string | undefined): file is string {
  return file !== undefined && isJsonObject(readConfigFile(file).tenants)
}

function hostOf<Host extends HostConfig>(file: string | undefined, tenancy: Tenancy<Host>) {
  const { env, prefix } = tenancy
  if (file === undefined || !namesTenants(file)) {
    throw new OperatorError('config_invalid', `${file ?? 'the environment'} names no tenants`, {
      hint: '--tenant goes with a --config that has the member tenants',
    })
  }
  const at = (path: string): string => resolve(dirname(file), path)
  const host = readConfig(tenancy.schema, { file, env, prefix })
  const names = Object.keys(host.tenants)
  return {
    names,
    /** A tenant's file stands for itself: variables are meant for the host. */
    sourcesOf: (name: string): ConfigSources => {
      const path = Object.hasOwn(host.tenants, name) ? host.tenants[name] : undefined
      if (path === undefined) {
        throw new OperatorError('config_invalid', `${file} has no tenant ${name}`, {
          hint: `it has ${names.join(', ')}`,
        })
      }
      return { file: at(path), env: {}, prefix, over: tenancy.shared(host, at) }
    },
  }
}
