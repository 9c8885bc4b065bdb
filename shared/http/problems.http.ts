import { z } from 'zod'
import { PROBLEM_CODES, type ProblemCode, problemEntry } from '../problem.ts'
import { type Endpoint, endpoint } from './endpoint.http.ts'

/** Where the `type` of every problem leads: what a code means and what to do next. RFC 9457 §3.1.1. */
export const problemPage: Endpoint = endpoint({
  method: 'get',
  path: '/problems/{code}',
  operationId: 'getProblemPage',
  tag: 'server',
  summary: 'What a code means, and what to do next',
  params: z.object({ code: z.enum(PROBLEM_CODES as [ProblemCode, ...ProblemCode[]]) }),
  responses: { 200: { description: 'A page for a person', mediaType: 'text/html' } },
  handle: ({ params: { code } }) => ({
    status: 200,
    bytes: Buffer.from(page(code)),
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'public, max-age=3600',
    },
  }),
})

function page(code: ProblemCode): string {
  const { status, title, remedy } = problemEntry(code)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${code}</title>
<h1>${text(title)}</h1>
<p>Code <code>${code}</code>, HTTP status ${status}.</p>
<h2>What to do next</h2>
<p>${text(remedy).replace(/`([^`]+)`/g, '<code>$1</code>')}</p>
</html>
`
}

function text(words: string): string {
  return words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
