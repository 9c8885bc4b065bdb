import { Problem } from '../../shared/problem.ts'
import type { IssuerStore } from '../store.ts'
import { sandboxDocumentNumber } from './people.ts'

/** The same store, in which what is issued to the person `revoked` is revoked at once: the next publication says so. */
export function revokingSandbox(store: IssuerStore): IssuerStore {
  const recordIssued: IssuerStore['recordIssued'] = async (id, attempt, now) => {
    const issued = await store.recordIssued(id, attempt, now)
    if (issued && (await isRevokedPerson(store, id))) {
      await store
        .revoke(id, { reasonClass: 'holder_request', actor: 'sandbox' }, now)
        .catch(unlessFinal)
    }
    return issued
  }
  return new Proxy(store, {
    get: (target, name, receiver) =>
      name === 'recordIssued' ? recordIssued : Reflect.get(target, name, receiver),
  })
}

async function isRevokedPerson(store: IssuerStore, id: string): Promise<boolean> {
  const session = await store.session(id)
  if (session === undefined || session.state === 'collecting') return false
  const number = session.evidence.document.fields.document_number?.value
  return number === sandboxDocumentNumber('revoked')
}

/** A wallet that asks again for its copies has them revoked already. */
function unlessFinal(error: unknown): undefined {
  if (error instanceof Problem && error.code === 'status_final') return undefined
  throw error
}
