import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Express } from 'express'
import type { JsonObject } from '../../shared/json.ts'
import { packageRoot } from '../../shared/package-root.ts'

/** What the command `npm run openapi` sets, so that documents are written and not only compared. */
const WRITES = process.env.CARNET_WRITE_DOCUMENTS === '1'

interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> }
  readonly handle?: { readonly stack?: readonly Layer[] }
}

export interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, ResponseObject>>
  readonly 'x-carnet-specification'?: string
}

export interface ResponseObject {
  readonly description: string
  readonly content?: Readonly<Record<string, { readonly schema: JsonObject }>>
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: JsonObject
}

/** Every method and path that an application answers, read from its router and not from any list of ours. */
export function routesOf(app: Express): string[] {
  const found: string[] = []
  const walk = (layers: readonly Layer[]): void => {
    for (const { route, handle } of layers) {
      for (const method of Object.keys(route?.methods ?? {})) {
        found.push(`${method} ${route?.path.replace(/[:*](\w+)/g, '{$1}')}`)
      }
      if (handle?.stack) walk(handle.stack)
    }
  }
  walk((app.router as unknown as { stack: Layer[] }).stack)
  return found.sort()
}

/** Every method and path that a document has. */
export function operationsOf(document: OpenApiDocument): string[] {
  return Object.entries(document.paths)
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`))
    .sort()
}

/** Compares with a committed document, or writes it where that was asked for. */
export function expectGolden(file: string, text: string): void {
  const path = join(packageRoot, file)
  if (WRITES) writeFileSync(path, text)
  expect(text === readFileSync(path, 'utf8'), `${file} has drifted; run: npm run openapi`).to.equal(
    true,
  )
}

/** A server that has a document. */
export type DocumentedServer = 'issuer' | 'issuer-operator' | 'verifier'

export function readDocument(server: DocumentedServer): OpenApiDocument {
  return JSON.parse(readFileSync(join(packageRoot, `docs/openapi/${server}.json`), 'utf8'))
}
