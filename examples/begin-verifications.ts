import express from 'express'
import { dataOf, isRefusedDelivery, issuerClient, webhookReceiver } from '../client/client.ts'

// Begins verifications for the workers of a platform, and is told by signed webhooks what became of them.
const { ISSUER_URL = 'http://127.0.0.1:4100', ISSUER_KEY, PORT = '3000' } = process.env
const { HOOK = `http://127.0.0.1:${PORT}/hook` } = process.env
const issuer = issuerClient({ url: ISSUER_URL, key: ISSUER_KEY })
const receive = webhookReceiver({ server: { url: ISSUER_URL }, address: HOOK })
const app = express()

/** What is known of a worker. A platform keeps this in its database, and the last sequence with it. */
interface Verification {
  readonly session: string
  outcome: string
  sequence: number
}
const verifications = new Map<string, Verification>()

app.post('/workers/:worker/verification', async (request, response) => {
  const { worker } = request.params
  // One key for each verification of a worker: who asks again after a lost answer is given the same session.
  const header = { 'Idempotency-Key': `verification-1-of-${worker}` }
  const begun = await dataOf(issuer.POST('/sessions', { params: { header } }))
  verifications.set(worker, { session: begun.session_id, outcome: 'pending', sequence: 0 })
  // The worker's device sends the images with this token.
  response.status(201).json(begun)
})

app.get('/workers/:worker', (request, response) => {
  const { outcome } = verifications.get(request.params.worker) ?? { outcome: 'unknown' }
  response.json({ outcome })
})

app.post('/hook', express.raw({ type: () => true, limit: '64kb' }), async (request, response) => {
  const event = await receive({ headers: request.headers, body: request.body }).catch((error) => {
    if (isRefusedDelivery(error)) return undefined
    throw error
  })
  if (event === undefined) {
    response.sendStatus(401)
    return
  }
  const known = [...verifications.values()].find(({ session }) => session === event.subject)
  // Deliveries may come again and overtake each other: an older sequence, or the same, changes nothing.
  if (known !== undefined && event.sequence > known.sequence) {
    known.sequence = event.sequence
    if (event.type === 'carnet.session.decided.v1') known.outcome = String(event.data.outcome)
    console.log(`${event.type} ${JSON.stringify(event.data)}`)
  }
  response.sendStatus(204)
})

app.listen(Number(PORT), '127.0.0.1', () => console.log(`receiving at ${HOOK}`))
