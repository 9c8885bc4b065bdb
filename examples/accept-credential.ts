import express from 'express'
import { dataOf, verifierClient } from '../client/client.ts'

// Accepts a credential in an Express app: `/sign-up` asks for it, `/back` reads what came of it.
const { VERIFIER_URL = 'http://127.0.0.1:4200', VERIFIER_KEY, PORT = '3000' } = process.env
const { ORIGIN = `http://127.0.0.1:${PORT}` } = process.env
const verifier = verifierClient({ url: VERIFIER_URL, key: VERIFIER_KEY })
const app = express()

app.get('/sign-up', async (_request, response) => {
  const body = { redirect_uri: `${ORIGIN}/back` }
  const asked = await dataOf(verifier.POST('/requests', { body }))
  // The answer counts in the browser that asked, and in no other.
  response.cookie('asked', asked.request_id, { httpOnly: true, sameSite: 'lax' })
  response.redirect(asked.authorization_request)
})

app.get('/back', async (request, response) => {
  const id = /(?:^|; )asked=(\w{1,64})/.exec(request.headers.cookie ?? '')?.[1]
  if (id === undefined) {
    response.status(400).send('begin at /sign-up, in this browser')
    return
  }
  const params = { path: { id } }
  const body = { response_code: String(request.query.response_code) }
  const result = await dataOf(verifier.POST('/requests/{id}/redemption', { params, body }))
  if (result.acceptance?.outcome !== 'accept') {
    response.status(403).send(`not accepted: ${result.acceptance?.codes.join(', ')}`)
    return
  }
  response.send(`welcome, ${JSON.stringify(result.claims?.identity)}`)
})

app.listen(Number(PORT), '127.0.0.1', () => console.log(`open ${ORIGIN}/sign-up`))
