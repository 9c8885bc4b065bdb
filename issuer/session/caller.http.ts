import type { Request } from 'express'
import { ipKeyGenerator } from 'express-rate-limit'
import type { Session } from './session.ts'

/**
 * Who shares what is scarce: the platform that opened the session, else the address that the request comes from, an
 * IPv6 one by its network. It is kept in memory alone.
 */
export function callerOf(request: Request, { platform }: Pick<Session, 'platform'>): string {
  return platform === undefined ? addressOf(request) : `platform ${platform}`
}

/** The address of the client as the connection says it, or a proxy that the configuration trusts. */
export function addressOf(request: Request): string {
  return `address ${ipKeyGenerator(request.ip ?? '')}`
}
