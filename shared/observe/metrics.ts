import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What is told of a request when it has ended. */
export interface EndedRequest {
  readonly method: string
  /** The template of the route, such as `/sessions/:id`, or `(none)`; never the path that was asked for. */
  readonly route: string
  /** The status, or `aborted` where the caller went away before all of the answer was sent. */
  readonly status: number | 'aborted'
  readonly seconds: number
}

/** Is told of every request, when it begins; what it answers is told when it ends. */
export type ObserveRequest = () => (ended: EndedRequest) => void

/** A number, one for each value of the metric's label, or nothing while it is not known. */
export type Measured = number | Readonly<Record<string, number>> | undefined

/** The numbers of one process. Names, labels and their values come from the program, never from a caller. */
export interface Metrics {
  readonly observeRequest: ObserveRequest
  /** Registers a number that is read at every scrape. One that cannot be read is left out, and counted. */
  gauge(options: {
    readonly name: string
    readonly help: string
    readonly label?: string
    readonly read: () => Measured | Promise<Measured>
  }): void
  /** Registers what counts up, by the value of one label. */
  counter(options: {
    readonly name: string
    readonly help: string
    readonly label: string
  }): (value: string) => void
  /** Registers a distribution of seconds. */
  durations(options: { readonly name: string; readonly help: string }): (seconds: number) => void
  /** Prometheus text exposition format 0.0.4. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** More values of a label than any program has; what comes after them is `other`, so that memory stays bounded. */
const MOST_VALUES = 256

/** The numbers of a process that serves several tenants. */
export interface TenantMetrics extends Metrics {
  /** Those of one tenant: under the same names, with a label `tenant`. */
  readonly ofTenant: (name: string) => Metrics
}

/** The labels that say whose a number is. */
type Whose = Readonly<Record<string, string>>

/** Opens the metrics of a process: its requests, its own resources and event loop, and what is registered. */
export function openMetrics(): Metrics {
  return metricsOf(openRegistry([]), {})
}

/** The same, where what is about a tenant has its name as the label `tenant`; requests for nobody's host have `(none)`. */
export function openTenantMetrics(): TenantMetrics {
  const opened = openRegistry(['tenant'])
  return {
    ...metricsOf(opened, {}),
    observeRequest: opened.observeRequest({ tenant: '(none)' }),
    ofTenant: (tenant) => metricsOf(opened, { tenant }),
  }
}

/** What is registered once for a process, whoever tells numbers under it. */
interface OpenRegistry {
  readonly registry: Registry
  readonly observeRequest: (whose: Whose) => ObserveRequest
  /** The metric of this name, made when it is first asked for. */
  readonly once: <Family>(name: string, make: () => Family) => Family
  readonly unread: Counter<string>
}

interface GaugeFamily {
  readonly gauge: Gauge<string>
  readonly readers: {
    readonly whose: Whose
    readonly read: () => Measured | Promise<Measured>
  }[]
}

function openRegistry(labels: readonly string[]): OpenRegistry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const families = new Map<string, unknown>()
  return {
    registry,
    observeRequest: requestObserver(registry, labels),
    once: <Family>(name: string, make: () => Family): Family => {
      const family = (families.get(name) as Family | undefined) ?? make()
      families.set(name, family)
      return family
    },
    unread: new Counter({
      name: 'carnet_metric_errors_total',
      help: 'Metrics that could not be read at a scrape',
      labelNames: ['metric', ...labels],
      registers: [registry],
    }),
  }
}

function metricsOf(
  { registry, observeRequest, once, unread }: OpenRegistry,
  whose: Whose,
): Metrics {
  const registers = [registry]
  const labels = Object.keys(whose)
  return {
    observeRequest: observeRequest(whose),
    gauge: ({ name, help, label, read }) => {
      const labelNames = [...labels, ...(label === undefined ? [] : [label])]
      const { readers } = once(name, () => gaugeFamily({ name, help, labelNames, label }))
      readers.push({ whose, read })
    },
    counter: ({ name, help, label }) => {
      const labelNames = [...labels, label]
      const counter = once(name, () => new Counter({ name, help, labelNames, registers }))
      const bounded = boundedLabel()
      return (value) => counter.inc({ ...whose, [label]: bounded(value) })
    },
    durations: ({ name, help }) => {
      const histogram = once(
        name,
        () => new Histogram({ name, help, labelNames: labels, buckets: SECONDS, registers }),
      )
      return (seconds) => histogram.observe({ ...whose }, seconds)
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }

  function gaugeFamily({
    label,
    ...about
  }: {
    readonly name: string
    readonly help: string
    readonly labelNames: string[]
    readonly label: string | undefined
  }): GaugeFamily {
    const readers: GaugeFamily['readers'] = []
    const gauge: Gauge<string> = new Gauge({
      ...about,
      registers,
      collect: async () => {
        gauge.reset()
        // An unread number is no number, least of all zero.
        if (about.labelNames.length === 0) gauge.remove()
        await Promise.all(
          readers.map(async ({ whose: owner, read }) => {
            try {
              setMeasured(gauge, owner, label, await read())
            } catch {
              unread.inc({ metric: about.name, ...owner })
            }
          }),
        )
      },
    })
    return { gauge, readers }
  }
}

function setMeasured(
  gauge: Gauge<string>,
  whose: Whose,
  label: string | undefined,
  measured: Measured,
): void {
  if (typeof measured === 'number') {
    gauge.set({ ...whose }, measured)
    return
  }
  for (const [value, number] of Object.entries(measured ?? {})) {
    gauge.set({ ...whose, [label ?? '']: value }, number)
  }
}

/** Rate, errors and duration of every route. */
function requestObserver(
  registry: Registry,
  labels: readonly string[],
): (whose: Whose) => ObserveRequest {
  const registers = [registry]
  const requests = new Counter({
    name: 'carnet_http_requests_total',
    help: 'Requests that have ended',
    labelNames: [...labels, 'method', 'route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'carnet_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: [...labels, 'method', 'route'],
    buckets: SECONDS,
    registers,
  })
  const inFlight = new Gauge({
    name: 'carnet_http_requests_in_flight',
    help: 'Requests that have begun and not ended',
    labelNames: [...labels],
    registers,
  })
  return (whose) => {
    const boundedRoute = boundedLabel()
    return () => {
      inFlight.inc({ ...whose })
      return (ended) => {
        inFlight.dec({ ...whose })
        const method = METHODS.has(ended.method) ? ended.method : 'other'
        const route = boundedRoute(ended.route)
        requests.inc({ ...whose, method, route, status: String(ended.status) })
        seconds.observe({ ...whose, method, route }, ended.seconds)
      }
    }
  }
}

function boundedLabel(): (value: string) => string {
  const seen = new Set<string>()
  return (value) => {
    if (seen.has(value)) return value
    if (seen.size >= MOST_VALUES) return 'other'
    seen.add(value)
    return value
  }
}
