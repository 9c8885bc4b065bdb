import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import express from 'express'
import { routerOf } from '../../shared/http/endpoint.http.ts'
import { problemPage } from '../../shared/http/problems.http.ts'
import { type HttpServer, listen } from '../../shared/http/server.http.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { PROBLEM_CODES, problemEntry } from '../../shared/problem.ts'
import { expectGolden } from '../support/openapi.ts'

describe('the problem codes', () => {
  let server: HttpServer
  before(async () => {
    server = await listen({ host: '127.0.0.1', port: 0 })
    server.serve(express().use(routerOf([problemPage])))
  })
  after(() => server.close())

  it('are documented, each with what to do next', () => {
    expectGolden('docs/problems.md', documentation())
  })

  it('have each a title and a remedy of its own', () => {
    for (const code of PROBLEM_CODES) {
      const { title, remedy } = problemEntry(code)
      expect(title, code).to.match(/^[A-Z].*[^.]$/)
      expect(remedy, code).to.match(/^[A-Z`].*\.$/s)
    }
    const remedies = PROBLEM_CODES.map((code) => problemEntry(code).remedy)
    expect(new Set(remedies).size).to.equal(PROBLEM_CODES.length)
  })

  it('are thrown somewhere, every one of them', () => {
    const text = sources()
    const unused = PROBLEM_CODES.filter((code) => !text.includes(`'${code}'`))
    expect(unused).to.deep.equal([])
  })

  it('have a page where `type` leads (RFC 9457 §3.1.1)', async () => {
    for (const code of PROBLEM_CODES) {
      const response = await fetch(`${server.url}/problems/${code}`)
      expect(response.status, code).to.equal(200)
      expect(response.headers.get('content-type')).to.equal('text/html; charset=utf-8')
      const page = await response.text()
      expect(page).to.contain(`<code>${code}</code>`).and.contain('What to do next')
      expect(page).to.not.match(/<(?!\/?(html|meta|title|h1|h2|p|code|!doctype)\b)/)
    }
  })
})

/** What throws or names codes: everything but the table, and the lists of what an endpoint may answer. */
function sources(): string {
  const files = ['issuer', 'verifier', 'shared'].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(packageRoot, folder, name)),
  )
  return files
    .filter((file) => !file.endsWith('shared/problem.ts'))
    .map((file) => readFileSync(file, 'utf8').replace(/problems: \[[^\]]*\]/g, ''))
    .join('\n')
}

function documentation(): string {
  const rows = PROBLEM_CODES.map((code) => {
    const { status, title, remedy } = problemEntry(code)
    return `| <a id="${code}"></a>\`${code}\` | ${status} | ${title} | ${remedy} |`
  })
  return `# Problems

What our own endpoints answer when they refuse: a problem document (RFC 9457) with a stable \`code\`. Its \`type\` is the
address of a page at the server that says the same as this table. \`request_id\` is what the log of the server knows the
request by. Endpoints that a specification defines answer in the form of that specification. Written by
\`npm run openapi\`.

| code | status | what it means | what to do next |
|---|---|---|---|
${rows.join('\n')}
`
}
