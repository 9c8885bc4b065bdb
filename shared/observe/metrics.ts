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

/** Opens the metrics of a process: its requests, its own resources and event loop, and what is registered. */
export function openMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const unread = new Counter({
    name: 'carnet_metric_errors_total',
    help: 'Metrics that could not be read at a scrape',
    labelNames: ['metric'],
    registers: [registry],
  })
  return {
    observeRequest: requestObserver(registry),
    gauge: ({ name, help, label, read }) => {
      const gauge: Gauge<string> = new Gauge({
        name,
        help,
        labelNames: label === undefined ? [] : [label],
        registers: [registry],
        collect: async () => {
          gauge.reset()
          // An unread number is no number, least of all zero.
          if (label === undefined) gauge.remove()
          try {
            setMeasured(gauge, label, await read())
          } catch {
            unread.inc({ metric: name })
          }
        },
      })
    },
    counter: ({ name, help, label }) => {
      const counter = new Counter({ name, help, labelNames: [label], registers: [registry] })
      const bounded = boundedLabel()
      return (value) => counter.inc({ [label]: bounded(value) })
    },
    durations: ({ name, help }) => {
      const histogram = new Histogram({ name, help, buckets: SECONDS, registers: [registry] })
      return (seconds) => histogram.observe(seconds)
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

function setMeasured(gauge: Gauge<string>, label: string | undefined, measured: Measured): void {
  if (typeof measured === 'number') {
    gauge.set(measured)
    return
  }
  for (const [value, number] of Object.entries(measured ?? {})) {
    gauge.set({ [label ?? '']: value }, number)
  }
}

/** Rate, errors and duration of every route. */
function requestObserver(registry: Registry): ObserveRequest {
  const registers = [registry]
  const requests = new Counter({
    name: 'carnet_http_requests_total',
    help: 'Requests that have ended',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'carnet_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['method', 'route'],
    buckets: SECONDS,
    registers,
  })
  const inFlight = new Gauge({
    name: 'carnet_http_requests_in_flight',
    help: 'Requests that have begun and not ended',
    registers,
  })
  const boundedRoute = boundedLabel()
  return () => {
    inFlight.inc()
    return (ended) => {
      inFlight.dec()
      const method = METHODS.has(ended.method) ? ended.method : 'other'
      const route = boundedRoute(ended.route)
      requests.inc({ method, route, status: String(ended.status) })
      seconds.observe({ method, route }, ended.seconds)
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
