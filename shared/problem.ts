/**
 * The stable codes of our own endpoints, each with its HTTP status, its title, and what whoever meets it does next.
 * Endpoints that a specification defines use {@link ProtocolError} and that specification's codes instead.
 */
const PROBLEMS = {
  // requests in general
  request_invalid: [
    400,
    'The request does not have the shape this endpoint takes',
    'Read `detail`, which names the members at fault, and compare with `/openapi.json`. Sending the same again cannot succeed.',
  ],
  cursor_invalid: [
    400,
    'The cursor is not one of this list',
    'Ask without `cursor` for the first page, then send `next` of each answer on as it came, with the same other parameters.',
  ],
  idempotency_key_reused: [
    422,
    'The idempotency key was used for another request',
    'Make a new key for each new request, such as a UUID, and keep it with the request until it was answered.',
  ],
  idempotency_key_in_use: [
    409,
    'A request with this idempotency key is being answered',
    'Wait a second, then send the same again with the same key.',
  ],
  not_authenticated: [
    401,
    'A valid key or token is required',
    'Send `Authorization: Bearer` with the key or session token that the endpoint takes. A key that was revoked has to be replaced.',
  ],
  not_permitted: [
    403,
    'This key or token does not permit that',
    'Use a key of the role that `detail` names; whoever runs the server makes one.',
  ],
  not_found: [
    404,
    'There is nothing at this address',
    'Check method and path against `/openapi.json`. An offer is gone once it was redeemed or has expired: make another one.',
  ],
  body_too_large: [
    413,
    'The body is larger than this endpoint takes',
    'Send less; the bound is in `detail` or in the description of the endpoint.',
  ],
  misdirected_host: [
    421,
    'This server does not serve the host that was asked for',
    'Use the address of the configuration. Behind a proxy, let it pass `Host` on unchanged.',
  ],
  too_many_requests: [
    429,
    'Too many requests',
    'Wait for as many seconds as `Retry-After` says, then try again.',
  ],
  busy: [
    503,
    'The server has as much work as it can do',
    'Nothing was done. Wait for as many seconds as `Retry-After` says, then send the same again.',
  ],
  // pages
  sign_in_failed: [
    403,
    'Nobody was signed in',
    'Begin again, with a passkey that was made for this server. Who has none, or lost it, asks whoever runs the server for an invitation.',
  ],
  invitation_invalid: [
    410,
    'The invitation does not hold',
    'It serves once and for a time: whoever runs the server makes a new one with `carnet-issuer accounts invite`.',
  ],
  origin_refused: [
    403,
    'This was not asked by a page of this server',
    'Use the page itself, at the address of the configuration. A program uses a key instead of a session.',
  ],
  // images
  image_not_supported: [
    415,
    'The upload is not a JPEG, PNG or WebP image',
    'Send the picture in one of these formats; a PDF or HEIC file has to be converted first.',
  ],
  image_unreadable: [422, 'The image is damaged', 'Take the picture again and send all of it.'],
  image_too_large: [
    422,
    'The image has more pixels than are read',
    'Scale the picture down below the bound that `detail` names.',
  ],
  image_too_small: [
    422,
    'The image has too few pixels to be read',
    'Take the picture with a better camera or from nearer; do not scale it up.',
  ],
  document_not_found: [
    422,
    'No document that can be read was found',
    'Show the whole page or card, in focus, without glare, filling the picture; of a passport the page with the two lines of `<<<`.',
  ],
  document_side_wrong: [
    422,
    'The picture shows the other side of the document',
    'Turn the document and send the side that `detail` names.',
  ],
  face_not_found: [
    422,
    'No face was found',
    'Look straight at the camera in even light, with nothing before the face; of a document, show the page with the portrait.',
  ],
  face_multiple: [422, 'More than one face was found', 'Take the picture alone.'],
  // proofing sessions
  session_not_found: [
    404,
    'There is no such session',
    'Check the id, and that the token is the one of this session. A session without a decision is forgotten when it expires: begin a new one.',
  ],
  session_expired: [410, 'The session has expired', 'Begin a new session; nothing was kept.'],
  session_state: [
    409,
    'The session is not in a state that allows this',
    'Read the session: what it allows follows from its `state`.',
  ],
  already_uploaded: [
    409,
    'This image was uploaded already',
    'Go on with the next step. The same file does not serve as document and as selfie.',
  ],
  upload_not_found: [
    404,
    'There is no such upload',
    'Read the session to see what has arrived, and begin the upload again.',
  ],
  upload_offset: [
    409,
    'The part does not begin where the upload ends',
    'Go on at the byte that the header `Upload-Offset` of this answer names.',
  ],
  upload_length: [
    400,
    'The length of the upload is not what was said',
    'Begin the upload again and say the length of the whole image.',
  ],
  upload_completed: [
    409,
    'The upload is complete',
    'Send no more of it; read the session to see what became of the image.',
  ],
  digest_mismatch: [
    400,
    'The content does not have the digest that came with it',
    'It was damaged on its way: send it again.',
  ],
  upload_missing: [409, 'An image is still missing', 'Upload document and selfie, then submit.'],
  approval_redeemed: [
    409,
    'The approval was used already',
    'The credential of this session was issued; there is no second one. Open a new session if the wallet has lost it.',
  ],
  erasure_blocked: [
    409,
    'Something of this session is still in force',
    'Revoke its copies first, or wait until they have expired; a notice that is held back has to be released before. `detail` says which it is.',
  ],
  // status
  credential_not_found: [
    404,
    'There is no such credential',
    'Check the session or the status reference; nothing is issued before a wallet redeems an offer.',
  ],
  status_final: [
    409,
    'A revoked credential stays revoked',
    'There is nothing left to do. A person who shall have a credential again is verified again.',
  ],
  change_not_found: [
    404,
    'There is no such change',
    'Check the number of the event; a change that was withdrawn is gone.',
  ],
  change_published: [
    409,
    'The change was published and cannot be withdrawn',
    'Make a new change that sets the status which shall hold from now on.',
  ],
  bulk_not_found: [
    404,
    'There is no such bulk change',
    'It was carried out, or never proposed: propose it again if it is still wanted.',
  ],
  bulk_changed: [
    409,
    'What the preview showed has changed since',
    'Propose the bulk change again, look at the new preview, and approve that one.',
  ],
  second_person_needed: [
    403,
    'Somebody else has to approve this',
    'Let a person with another operator key look at the preview and approve it.',
  ],
  // webhooks
  delivery_not_found: [
    404,
    'There is no such delivery',
    'Read the list of deliveries for their numbers; they are kept for 30 days after they ended.',
  ],
  delivery_pending: [
    409,
    'The delivery has not ended',
    'Wait: it is sent by itself, and its `due_at` says when next. Ask again when it is `delivered` or `dead`.',
  ],
  // presentations
  request_not_found: [
    404,
    'There is no such presentation request',
    'Check the id, and that the key belongs to the system that made the request.',
  ],
  request_expired: [
    410,
    'The presentation request has expired',
    'Make a new request; a wallet asks the platform for one.',
  ],
  request_answered: [
    409,
    'The presentation request was answered already',
    'Read its result; make a new request to ask again.',
  ],
  request_state: [
    409,
    'The presentation request is not in a state that allows this',
    'Read the request: what it allows follows from its `state`. A wallet fetches the request object before it answers.',
  ],
  request_refused: [
    409,
    'The presentation request was refused already',
    'Make a new request if the worker shall be asked again.',
  ],
  response_unreadable: [
    400,
    'The response cannot be read with the key of this request',
    'Encrypt `vp_token` to the key in the request object with an algorithm that its metadata names.',
  ],
  response_code_invalid: [
    403,
    'The response code is not the one of this request, or was used already',
    'Use the code that came back in the browser session which made the request, once.',
  ],
  trust_unavailable: [
    503,
    'No trust list is in force, so nothing can be verified',
    'Try again in a minute. If it lasts, whoever runs the verifier looks at `trustList.source`.',
  ],
  // why a presentation is not what was asked for
  presentation_malformed: [
    400,
    'A presentation is not an SD-JWT with key binding',
    'The wallet has to present as RFC 9901 says; the member at fault is in `detail`.',
  ],
  presentation_not_requested: [
    400,
    'The response answers a query that was not made',
    'The wallet answers the queries of the request object, by their ids, and no others.',
  ],
  presentation_multiple: [
    400,
    'The response has more credentials than the query allows',
    'The wallet presents one credential where the query does not say `multiple`.',
  ],
  presentation_incomplete: [
    400,
    'The response does not satisfy the query',
    'The wallet presents what `detail` names, or declines.',
  ],
  presentation_excessive: [
    400,
    'A presentation discloses claims that were not requested',
    'The wallet discloses the requested claims and no others; nothing of this response was kept.',
  ],
  presentation_untrusted: [
    400,
    'The credential is not from an issuer on the trust list',
    'The worker presents a credential of an issuer that the trust list names.',
  ],
  presentation_signature: [
    400,
    'A signature does not verify',
    'The credential or its presentation was changed, or is not by whom it says: have it issued again.',
  ],
  presentation_time: [
    400,
    'The credential is expired or not valid yet',
    'The worker presents a current credential, or has a new one issued.',
  ],
  key_binding_missing: [
    400,
    'The presentation does not prove possession of the holder key',
    'The wallet adds a key binding JWT for this request.',
  ],
  key_binding_audience: [
    400,
    'The presentation was made for another verifier',
    'Somebody may be passing on what was shown elsewhere. The wallet presents again, for the `client_id` of this request.',
  ],
  key_binding_nonce: [
    400,
    'The presentation was made for another request',
    'Somebody may be replaying an earlier answer. The wallet presents again, with the `nonce` of this request.',
  ],
  key_binding_invalid: [
    400,
    'The key binding is too old, for other disclosures, or not by the holder',
    'The wallet presents again; its clock may be wrong.',
  ],
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** Every code, in the order of {@link PROBLEMS}. */
export const PROBLEM_CODES: readonly ProblemCode[] = Object.keys(PROBLEMS) as ProblemCode[]

/** The codes with which a verifier says why a presentation is not what was asked for. */
export const PRESENTATION_PROBLEMS: readonly ProblemCode[] = PROBLEM_CODES.filter((code) =>
  /^(presentation|key_binding)_/.test(code),
)

/** What is said of a code, the same to everybody. */
export interface ProblemEntry {
  readonly status: number
  readonly title: string
  /** What whoever meets it does next, in Markdown. */
  readonly remedy: string
}

export function problemEntry(code: ProblemCode): ProblemEntry {
  const [status, title, remedy] = PROBLEMS[code]
  return { status, title, remedy }
}

/** RFC 9457 §3, with our code and the id of the request as extension members. */
export interface ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail?: string
  readonly request_id?: string
}

/**
 * A failure that a caller of our own endpoints caused and is told about. `detail` says what to do next and never
 * holds a secret or personal value; what only the operator may see goes in `cause`.
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  /** When it is worth trying again, where that is known. RFC 9110 §10.2.3. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ProblemCode,
    detail: string,
    options?: ErrorOptions & { readonly retryAfterSeconds?: number },
  ) {
    super(detail, options)
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds
  }

  get status(): number {
    return problemEntry(this.code).status
  }
}

/**
 * The problem document of anything thrown; what is not a {@link Problem} is a defect and tells nothing. `type` is the
 * address of the code's page at `origin`. RFC 9457 §3.
 */
export function toProblemDetails(
  thrown: unknown,
  { origin = '', requestId }: { readonly origin?: string; readonly requestId?: string | undefined },
): ProblemDetails {
  const request = requestId === undefined ? {} : { request_id: requestId }
  if (!(thrown instanceof Problem)) {
    const title = 'Internal Server Error'
    return { type: 'about:blank', title, status: 500, code: 'defect', ...request }
  }
  const { code, message: detail } = thrown
  const { status, title } = problemEntry(code)
  return { type: `${origin}/problems/${code}`, title, status, code, detail, ...request }
}
