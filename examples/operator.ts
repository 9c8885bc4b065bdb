import { dataOf, issuerClient, pagesOf, RefusedError } from '../client/client.ts'

// What an operator scripts: `operator.ts reviews` prints what waits for a person, `operator.ts revoke SESSION NOTE`
// revokes every copy that was issued in a session.
const { ISSUER_URL = 'http://127.0.0.1:4100', REVIEWER_KEY, OPERATOR_KEY } = process.env
const [command, session = '', note = ''] = process.argv.slice(2)

async function printReviews(): Promise<void> {
  const issuer = issuerClient({ url: ISSUER_URL, key: REVIEWER_KEY })
  const pages = pagesOf((cursor) =>
    issuer.GET('/reviews', { params: { query: { limit: 20, ...(cursor ? { cursor } : {}) } } }),
  )
  for await (const { reviews } of pages) {
    for (const { session_id, codes } of reviews) console.log(`${session_id} ${codes.join(' ')}`)
  }
}

async function revoke(): Promise<void> {
  const issuer = issuerClient({ url: ISSUER_URL, key: OPERATOR_KEY })
  const order = issuer.POST('/sessions/{id}/revocation', {
    // Run twice, it revokes once.
    params: { path: { id: session }, header: { 'Idempotency-Key': `revocation-of-${session}` } },
    body: { reason_class: 'fraud', note, emergency: false },
  })
  const { revoked_copies } = await dataOf(order)
  console.log(`revoked ${revoked_copies} copies; the next publication of the lists says so`)
}

try {
  if (command === 'reviews') await printReviews()
  else if (command === 'revoke') await revoke()
  else throw new Error('say: reviews, or revoke SESSION NOTE')
} catch (error) {
  console.error(error instanceof RefusedError ? `refused: ${error.message}` : error)
  process.exitCode = 1
}
