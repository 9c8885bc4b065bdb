import { type NumericDate, parseDateTime, toDateTime } from '../clock.ts'
import { JoseError } from '../jose/error.ts'
import { parseJwt, signJwt, verifyJwtSignature } from '../jose/jws.ts'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { PublicJwk, Signer } from '../key/signer.ts'
import { TrustError } from './error.ts'
import { parseCertificate } from './parse-certificate.ts'
import type { AnchorsAt, DidsAt, TrustRole } from './role.ts'

/** Whether a service may be relied on. ETSI TS 119 602 §6.6 takes the notion from ETSI TS 119 612 §5.5.4. */
export type ServiceStatus = 'granted' | 'withdrawn'

/** A status, since when, and the anchors that held with it. */
export interface ServicePeriod {
  readonly status: ServiceStatus
  readonly from: NumericDate
  /** Certificates in DER, base64. */
  readonly certificates: readonly string[]
  /** Decentralized identifiers that speak for the service where it has no certificates. */
  readonly dids?: readonly string[]
}

/** One service of an entity: the present period, and the earlier ones that it replaced, newest first. */
export interface TrustedService extends ServicePeriod {
  readonly role: TrustRole
  readonly name: string
  readonly history?: readonly ServicePeriod[]
}

/** Who is trusted, for what. */
export interface TrustedEntity {
  readonly name: string
  readonly services: readonly TrustedService[]
}

/** A list of trusted entities in our own terms. ETSI TS 119 602 §6. */
export interface TrustList {
  /** Whether it is the list of a sandbox, whose credentials say nothing of anybody. It has a type of its own. */
  readonly sandbox?: true
  readonly sequence: number
  readonly operator: string
  readonly territory: string
  readonly issuedAt: NumericDate
  readonly nextUpdate: NumericDate
  readonly entities: readonly TrustedEntity[]
}

const TYPE = 'trustlist+jwt'
const LIST_TYPE = 'urn:carnet:trust-list:1'
const SANDBOX_LIST_TYPE = 'urn:carnet:trust-list:sandbox:1'
const SERVICE_TYPE = 'urn:carnet:trust-service:'
const STATUS_TYPE = 'urn:carnet:trust-status:'
const ROLES: readonly TrustRole[] = ['attestation', 'relying-party-access', 'wallet-provider']

/**
 * Signs a trust list in the JSON binding of ETSI TS 119 602 as a JWT. The same list and signer give the same payload.
 * Qualifying properties of JAdES other than `x5c` are not added.
 */
export async function signTrustList(
  list: TrustList,
  signer: Signer,
  x5c?: readonly string[],
): Promise<string> {
  return signJwt({
    header: { typ: TYPE, ...(x5c ? { x5c } : {}) },
    payload: renderTrustList(list),
    signer,
  })
}

/**
 * Verifies a signed trust list under the one key that the reader was configured with: type, signature, every member
 * that is used here, certificates that can be read, and that its next update is not overdue. ETSI TS 119 602 §6.
 * @throws TrustError
 */
export function verifyTrustList(
  jwt: string,
  { signerKey, now }: { signerKey: PublicJwk; now: NumericDate },
): TrustList {
  const list = verifyTrustListSignature(jwt, { signerKey })
  if (list.issuedAt > now + 60) throw new TrustError('not_yet_valid', 'ListIssueDateTime is ahead')
  if (now > list.nextUpdate) throw new TrustError('expired', 'NextUpdate has passed')
  return list
}

/**
 * Verifies an archived trust list, whose next update may have passed: everything that {@link verifyTrustList} does but
 * the comparison with the present.
 * @throws TrustError
 */
export function verifyTrustListSignature(
  jwt: string,
  { signerKey }: { signerKey: PublicJwk },
): TrustList {
  try {
    const parsed = parseJwt(jwt, { maxLength: 4 << 20 })
    if (parsed.header.typ !== TYPE) throw new TrustError('list_invalid', `typ is not ${TYPE}`)
    verifyJwtSignature(parsed, signerKey)
    return parseTrustList(parsed.payload)
  } catch (cause) {
    if (!(cause instanceof JoseError)) throw cause
    throw new TrustError('list_invalid', `trust list: ${cause.message}`, { cause })
  }
}

/**
 * The anchors that one list names: at a moment, a service counts with the period that held then, so that a withdrawn
 * service still vouches for what it signed before and for nothing after.
 */
export function anchorsOf(list: TrustList): AnchorsAt {
  const decoded = new Map<string, Uint8Array>()
  const der = (certificate: string): Uint8Array => {
    const known = decoded.get(certificate) ?? Buffer.from(certificate, 'base64')
    decoded.set(certificate, known)
    return known
  }
  const services = list.entities.flatMap((entity) => entity.services)
  return (role, at) =>
    services
      .filter((service) => service.role === role)
      .flatMap((service) => grantedPeriod(service, at)?.certificates ?? [])
      .map(der)
}

/** The decentralized identifiers that one list names, by the period that holds at a moment. */
export function didsOf(list: TrustList): DidsAt {
  const services = list.entities.flatMap((entity) => entity.services)
  return (role, at) =>
    services
      .filter((service) => service.role === role)
      .flatMap((service) => grantedPeriod(service, at)?.dids ?? [])
}

/**
 * The anchors of a moment by the list that was in force then: the one with the highest sequence among those issued at
 * or before it. A moment before the first list has no anchors. @public for whoever keeps lists of years
 */
export function anchorsOfHistory(lists: readonly TrustList[]): AnchorsAt {
  const newestFirst = [...lists].sort((a, b) => b.sequence - a.sequence)
  const anchors = new Map(newestFirst.map((list) => [list, anchorsOf(list)]))
  return (role, at) => {
    const inForce = newestFirst.find((list) => list.issuedAt <= at)
    return (inForce && anchors.get(inForce)?.(role, at)) ?? []
  }
}

/**
 * Keeps the sandbox apart: refuses a list that is not marked as one of a sandbox where one is expected, and one that is
 * where none is. @throws TrustError `list_invalid`
 */
export function requireKind(
  list: Pick<TrustList, 'sandbox'>,
  { expectedSandbox }: { readonly expectedSandbox: boolean },
): void {
  if ((list.sandbox ?? false) === expectedSandbox) return
  const found = expectedSandbox ? 'is not that of a sandbox' : 'is that of a sandbox'
  throw new TrustError('list_invalid', `the trust list ${found}: LoTEType`)
}

/** Which list replaces which: refuses one that goes back in sequence or time. @throws TrustError */
export function checkSuccessor(previous: TrustList, next: TrustList): void {
  requireKind(next, { expectedSandbox: previous.sandbox ?? false })
  if (next.sequence <= previous.sequence || next.issuedAt < previous.issuedAt) {
    throw new TrustError('list_invalid', 'LoTESequenceNumber or ListIssueDateTime goes back')
  }
}

function grantedPeriod(service: TrustedService, at: NumericDate): ServicePeriod | undefined {
  const periods: readonly ServicePeriod[] = [service, ...(service.history ?? [])]
  const inForce = periods.find(({ from }) => from <= at)
  return inForce?.status === 'granted' ? inForce : undefined
}

function renderTrustList(list: TrustList): JsonObject {
  return {
    ListAndSchemeInformation: {
      LoTEVersionIdentifier: 1,
      LoTESequenceNumber: list.sequence,
      LoTEType: list.sandbox ? SANDBOX_LIST_TYPE : LIST_TYPE,
      SchemeOperatorName: [text(list.operator)],
      StatusDeterminationApproach: 'urn:carnet:trust-status-determination:1',
      SchemeTerritory: list.territory,
      ListIssueDateTime: toDateTime(list.issuedAt),
      NextUpdate: toDateTime(list.nextUpdate),
    },
    TrustedEntitiesList: list.entities.map((entity) => ({
      TrustedEntityInformation: { TEName: [text(entity.name)] },
      TrustedEntityServices: entity.services.map((service) => ({
        ServiceInformation: renderPeriod(service, service),
        ...(service.history
          ? { ServiceHistory: service.history.map((period) => renderPeriod(service, period)) }
          : {}),
      })),
    })),
  }
}

function renderPeriod({ role, name }: TrustedService, period: ServicePeriod): JsonObject {
  return {
    ServiceTypeIdentifier: `${SERVICE_TYPE}${role}`,
    ServiceName: [text(name)],
    ServiceStatus: `${STATUS_TYPE}${period.status}`,
    StatusStartingTime: toDateTime(period.from),
    ServiceDigitalIdentity: {
      X509Certificates: period.certificates.map((val) => ({ val })),
      ...(period.dids ? { OtherIds: period.dids } : {}),
    },
  }
}

function text(value: string): JsonObject {
  return { lang: 'en', value }
}

function parseTrustList(payload: JsonObject): TrustList {
  const information = objectIn(payload, 'ListAndSchemeInformation')
  const type = information.LoTEType
  const isKnown = type === LIST_TYPE || type === SANDBOX_LIST_TYPE
  if (information.LoTEVersionIdentifier !== 1 || !isKnown) {
    throw new TrustError('list_invalid', 'LoTEVersionIdentifier or LoTEType is not understood')
  }
  const sequence = information.LoTESequenceNumber
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1) {
    throw new TrustError('list_invalid', 'LoTESequenceNumber is not a positive integer')
  }
  return {
    ...(type === SANDBOX_LIST_TYPE ? { sandbox: true } : {}),
    sequence,
    operator: textIn(information, 'SchemeOperatorName'),
    territory: stringIn(information, 'SchemeTerritory'),
    issuedAt: timeIn(information, 'ListIssueDateTime'),
    nextUpdate: timeIn(information, 'NextUpdate'),
    entities: objectsIn(payload, 'TrustedEntitiesList').map((entity) => ({
      name: textIn(objectIn(entity, 'TrustedEntityInformation'), 'TEName'),
      services: objectsIn(entity, 'TrustedEntityServices').map(parseService),
    })),
  }
}

function parseService(service: JsonObject): TrustedService {
  const information = objectIn(service, 'ServiceInformation')
  const type = stringIn(information, 'ServiceTypeIdentifier')
  const role = ROLES.find((known) => type === `${SERVICE_TYPE}${known}`)
  if (!role) throw new TrustError('list_invalid', 'ServiceTypeIdentifier is not understood')
  const current = parsePeriod(information)
  const history = Object.hasOwn(service, 'ServiceHistory')
    ? objectsIn(service, 'ServiceHistory').map(parsePeriod)
    : undefined
  const starts = [current, ...(history ?? [])].map(({ from }) => from)
  if (starts.some((from, index) => index > 0 && from >= (starts[index - 1] as number))) {
    throw new TrustError('list_invalid', 'ServiceHistory is not newest first')
  }
  return {
    role,
    name: textIn(information, 'ServiceName'),
    ...current,
    ...(history ? { history } : {}),
  }
}

function parsePeriod(information: JsonObject): ServicePeriod {
  const status = stringIn(information, 'ServiceStatus')
  if (status !== `${STATUS_TYPE}granted` && status !== `${STATUS_TYPE}withdrawn`) {
    throw new TrustError('list_invalid', 'ServiceStatus is not understood')
  }
  const identity = objectIn(information, 'ServiceDigitalIdentity')
  const certificates = objectsIn(identity, 'X509Certificates').map((one) => stringIn(one, 'val'))
  for (const certificate of certificates) parseCertificate(Buffer.from(certificate, 'base64'))
  const dids = identity.OtherIds
  if (
    dids !== undefined &&
    !(Array.isArray(dids) && dids.every((did) => typeof did === 'string'))
  ) {
    throw new TrustError('list_invalid', 'OtherIds is not an array of strings')
  }
  return {
    status: status.slice(STATUS_TYPE.length) as ServiceStatus,
    from: timeIn(information, 'StatusStartingTime'),
    certificates,
    ...(dids ? { dids: dids as readonly string[] } : {}),
  }
}

function objectIn(container: JsonObject, member: string): JsonObject {
  const value = container[member]
  if (!isJsonObject(value)) throw new TrustError('list_invalid', `${member} is not an object`)
  return value
}

function objectsIn(container: JsonObject, member: string): readonly JsonObject[] {
  const value = container[member]
  if (!Array.isArray(value) || !value.every(isJsonObject)) {
    throw new TrustError('list_invalid', `${member} is not an array of objects`)
  }
  return value
}

function stringIn(container: JsonObject, member: string): string {
  const value: Json | undefined = container[member]
  if (typeof value !== 'string') throw new TrustError('list_invalid', `${member} is not a string`)
  return value
}

/** The first text of a multilingual string. */
function textIn(container: JsonObject, member: string): string {
  const [first] = objectsIn(container, member)
  if (!first) throw new TrustError('list_invalid', `${member} is empty`)
  return stringIn(first, 'value')
}

function timeIn(container: JsonObject, member: string): NumericDate {
  const at = parseDateTime(stringIn(container, member))
  if (at === undefined) throw new TrustError('list_invalid', `${member} is not a date-time`)
  return at
}
