import { Worker } from 'node:worker_threads'
import { Problem, type ProblemCode } from '../../shared/problem.ts'
import { fairQueue } from './fair-queue.ts'

/** What a thread is asked. `data` is the rest of the arguments. */
export interface ThreadRequest {
  readonly id: number
  readonly task: string
  readonly upload: Uint8Array
  readonly data: unknown
}

/** What a thread answers: a result, a problem of the upload, or a defect. */
export type ThreadAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly problem: { code: ProblemCode; detail: string } }
  | { readonly id: number; readonly defect: string }

/** What a thread says once, when it is ready or cannot be. */
export type ThreadReady = { readonly ready: unknown } | { readonly failed: string }

/** How many threads work, how much may wait, and how long one upload may take. */
export interface PoolLimits {
  readonly workers: number
  /** Uploads that may wait; one caller has at most half of the places. */
  readonly queueLength: number
  readonly timeoutSeconds: number
  /** Whether several tenants share the queue: then each has at most half of the places, and a caller half of these. */
  readonly isShared?: boolean
}

/** Threads that each hold their own networks. */
export interface WorkerPool {
  /** What the first thread said of itself. */
  readonly ready: unknown
  /** `onStart` is called when a thread takes the job. */
  run(
    task: string,
    job: {
      upload: Uint8Array
      data: unknown
      tenant?: string
      caller?: string
      onStart?: () => void
    },
  ): Promise<unknown>
  close(): Promise<void>
}

interface Job {
  readonly request: ThreadRequest
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly onStart: (() => void) | undefined
}

interface Thread {
  readonly worker: Worker
  job: Job | undefined
  timer: NodeJS.Timeout | undefined
  startedAt: number
}

/** What a job is taken to last before one was measured, and how much the newest one weighs afterwards. */
const FIRST_JOB_MS = 1000
const WEIGHT = 0.2

/**
 * Starts the threads and resolves when all are ready. When no more may wait, `run` throws `too_many_requests` with the
 * time that what waits will take, by what jobs have taken. An upload that takes too long, or takes its thread with it, fails alone: the thread is replaced.
 */
export async function openWorkerPool(
  script: URL,
  { limits, workerData }: { limits: PoolLimits; workerData: unknown },
): Promise<WorkerPool> {
  const tenantShare = limits.isShared ? Math.ceil(limits.queueLength / 2) : limits.queueLength
  const queue = fairQueue<Job>({
    limit: limits.queueLength,
    share: Math.ceil(tenantShare / 2),
    tenantShare,
  })
  const threads = new Set<Thread>()
  let nextId = 1
  let starting = 0
  let closing = false
  let jobMs = FIRST_JOB_MS

  async function start(): Promise<unknown> {
    starting += 1
    try {
      return await startThread()
    } finally {
      starting -= 1
    }
  }

  async function startThread(): Promise<unknown> {
    const worker = new Worker(script, { workerData })
    const ready = await new Promise<ThreadReady>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    if ('failed' in ready) throw new Error(ready.failed)
    const thread: Thread = { worker, job: undefined, timer: undefined, startedAt: 0 }
    threads.add(thread)
    worker.on('message', (answer: ThreadAnswer) => finish(thread, answer))
    worker.on('error', (cause) => replace(thread, cause))
    worker.unref()
    next(thread)
    return ready.ready
  }

  function next(thread: Thread): void {
    const job = queue.shift()
    if (!job) {
      thread.worker.unref()
      return
    }
    thread.job = job
    thread.startedAt = performance.now()
    job.onStart?.()
    thread.worker.ref()
    const tooLong = () => replace(thread, new Error('it took too long'))
    thread.timer = setTimeout(tooLong, limits.timeoutSeconds * 1000)
    thread.worker.postMessage(job.request, [job.request.upload.buffer as ArrayBuffer])
  }

  function finish(thread: Thread, answer: ThreadAnswer): void {
    const { job } = thread
    clearTimeout(thread.timer)
    if (job) jobMs += WEIGHT * (performance.now() - thread.startedAt - jobMs)
    thread.job = undefined
    if (job?.request.id === answer.id) settle(job, answer)
    next(thread)
  }

  function replace(thread: Thread, cause: Error): void {
    if (!threads.delete(thread)) return
    clearTimeout(thread.timer)
    thread.job?.reject(new Problem('image_unreadable', 'send another picture', { cause }))
    void thread.worker.terminate()
    if (!closing) start().catch(refuseWaiting)
  }

  /** Without a thread nothing that waits would ever be answered. */
  function refuseWaiting(cause: Error): void {
    if (threads.size + starting > 0) return
    for (let job = queue.shift(); job; job = queue.shift()) {
      job.reject(new Problem('busy', 'try again later', { cause }))
    }
  }

  const [ready] = await Promise.all(Array.from({ length: limits.workers }, start))
  return {
    ready,
    run: (task, { upload, data, tenant = '', caller = '', onStart }) =>
      new Promise((resolve, reject) => {
        const request = { id: nextId++, task, upload: Uint8Array.from(upload), data }
        if (closing || threads.size + starting === 0) {
          reject(new Problem('busy', 'try again later'))
          return
        }
        if (!queue.push({ tenant, caller }, { request, resolve, reject, onStart })) {
          const waitMs = ((queue.length + 1) * jobMs) / limits.workers
          const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
          const detail = `send it again in ${retryAfterSeconds} seconds`
          reject(new Problem('too_many_requests', detail, { retryAfterSeconds }))
          return
        }
        const idle = [...threads].find((thread) => !thread.job)
        if (idle) next(idle)
      }),
    close: async () => {
      closing = true
      for (let job = queue.shift(); job; job = queue.shift()) {
        job.reject(new Problem('busy', 'the server stops'))
      }
      await Promise.all([...threads].map(({ worker }) => worker.terminate()))
      for (const { job } of threads) job?.reject(new Problem('busy', 'the server stops'))
    },
  }
}

function settle({ resolve, reject }: Job, answer: ThreadAnswer): void {
  if ('result' in answer) resolve(answer.result)
  else if ('problem' in answer) reject(new Problem(answer.problem.code, answer.problem.detail))
  else reject(new Error(answer.defect))
}
