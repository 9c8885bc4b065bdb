import { expect } from 'chai'
import { openWorkerPool, type PoolLimits } from '../../../issuer/evidence/worker-pool.ts'
import { Problem } from '../../../shared/problem.ts'

const LIMITS: PoolLimits = { workers: 2, queueLength: 4, timeoutSeconds: 5 }

/** A thread whose tasks are to answer, to refuse, to wait, to spin for ever and to die. */
const SCRIPT = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads'
    parentPort.postMessage({ ready: 'here' })
    parentPort.on('message', ({ id, task, upload, data }) => {
      if (task === 'echo') parentPort.postMessage({ id, result: [upload.length, data] })
      if (task === 'refuse') parentPort.postMessage({ id, problem: { code: 'face_not_found', detail: 'look here' } })
      if (task === 'defect') parentPort.postMessage({ id, defect: 'broken' })
      if (task === 'wait') setTimeout(() => parentPort.postMessage({ id, result: 'waited' }), data)
      if (task === 'spin') for (;;);
      if (task === 'die') throw new Error('out of luck')
    })`)}`,
)
const job = (data: unknown = undefined, caller = 'a') => ({
  upload: Uint8Array.of(1, 2, 3),
  data,
  caller,
})

async function failureOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'none',
    (error) => (error instanceof Problem ? error.code : `defect: ${error.message}`),
  )
}

describe('openWorkerPool', () => {
  it('answers with results, problems and defects, and leaves the upload with its owner', async () => {
    const pool = await openWorkerPool(SCRIPT, { limits: LIMITS, workerData: undefined })
    const upload = Uint8Array.of(1, 2, 3)
    expect(pool.ready).to.equal('here')
    expect(await pool.run('echo', { ...job('x'), upload })).to.deep.equal([3, 'x'])
    expect(upload).to.have.length(3)
    expect(await failureOf(pool.run('refuse', job()))).to.equal('face_not_found')
    expect(await failureOf(pool.run('defect', job()))).to.equal('defect: broken')
    await pool.close()
  })

  it('refuses with a time when no more may wait, and never more than half for one caller', async () => {
    const pool = await openWorkerPool(SCRIPT, { limits: LIMITS, workerData: undefined })
    const running = [1, 2].map(() => pool.run('wait', job(300)))
    const waiting = [1, 2].map(() => pool.run('wait', job(1)))
    const refused = await pool.run('wait', job(1)).then(
      () => undefined,
      (error: Problem) => error,
    )
    expect(refused).to.be.instanceOf(Problem)
    expect(refused?.code).to.equal('too_many_requests')
    expect(refused?.retryAfterSeconds).to.be.greaterThan(0)
    const others = [1, 2].map(() => pool.run('wait', job(1, 'b')))
    expect(await failureOf(pool.run('wait', job(1, 'c')))).to.equal('too_many_requests')
    expect(await Promise.all([...running, ...waiting, ...others])).to.have.length(6)
    await pool.close()
  })

  it('says how long what waits will take, by what jobs have taken', async () => {
    const pool = await openWorkerPool(SCRIPT, { limits: LIMITS, workerData: undefined })
    for (let i = 0; i < 30; i++) await pool.run('wait', job(0))
    const started: number[] = []
    const running = [1, 2].map((i) =>
      pool.run('wait', { ...job(300), onStart: () => started.push(i) }),
    )
    const waiting = [1, 2].map((i) =>
      pool.run('wait', { ...job(1), onStart: () => started.push(i) }),
    )
    expect(started).to.deep.equal([1, 2])
    const refused = await pool.run('wait', job(1)).then(
      () => undefined,
      (error: Problem) => error,
    )
    expect(refused?.retryAfterSeconds).to.equal(1)
    await Promise.all([...running, ...waiting])
    expect(started).to.deep.equal([1, 2, 1, 2])
    await pool.close()
  })

  it('serves others as before while one caller sends twice what it can do', async () => {
    const limits = { workers: 2, queueLength: 16, timeoutSeconds: 5 }
    const pool = await openWorkerPool(SCRIPT, { limits, workerData: undefined })
    const jobMs = 20
    let [done, refused, stop] = [0, 0, false]
    const flood = (async () => {
      while (!stop) {
        // Two threads do one job in half its time; two come in that time.
        for (let i = 0; i < 2; i++) {
          pool.run('wait', job(jobMs, 'greedy')).then(
            () => {
              done += 1
            },
            () => {
              refused += 1
            },
          )
        }
        await new Promise((resolve) => setTimeout(resolve, jobMs / 2))
      }
    })()
    await new Promise((resolve) => setTimeout(resolve, 20 * jobMs))
    const waits: number[] = []
    for (let i = 0; i < 10; i++) {
      const began = performance.now()
      await pool.run('wait', job(jobMs, 'modest'))
      waits.push(performance.now() - began)
    }
    stop = true
    await flood
    await pool.close()
    expect(refused, 'the greedy caller is refused').to.be.greaterThan(0)
    expect(done, 'and served').to.be.greaterThan(0)
    const median = waits.sort((p, q) => p - q)[5] ?? 0
    // Its own job, and at most the rest of one that runs: never the eight that the other has waiting.
    expect(median).to.be.below(4 * jobMs)
  })

  it('loses one upload, not another, to a thread that dies', async () => {
    const pool = await openWorkerPool(SCRIPT, { limits: LIMITS, workerData: undefined })
    const others = [1, 2, 3].map((caller) => pool.run('wait', job(50, `${caller}`)))
    expect(await failureOf(pool.run('die', job()))).to.equal('image_unreadable')
    expect(await Promise.all(others)).to.deep.equal(['waited', 'waited', 'waited'])
    expect(await pool.run('echo', job())).to.deep.equal([3, undefined])
    await pool.close()
  })

  it('ends an upload that takes too long and goes on', async () => {
    const limits = { ...LIMITS, workers: 1, timeoutSeconds: 0.2 }
    const pool = await openWorkerPool(SCRIPT, { limits, workerData: undefined })
    expect(await failureOf(pool.run('spin', job()))).to.equal('image_unreadable')
    expect(await failureOf(pool.run('spin', job()))).to.equal('image_unreadable')
    await pool.close()
  })

  it('answers what waits when it is closed', async () => {
    const limits = { ...LIMITS, workers: 1 }
    const pool = await openWorkerPool(SCRIPT, { limits, workerData: undefined })
    const outcomes = [1, 2].map(() => failureOf(pool.run('wait', job(10_000))))
    await pool.close()
    expect(await Promise.all(outcomes)).to.deep.equal(['busy', 'busy'])
  })
})
