/**
 * The stable codes of our own endpoints and programs, each with its HTTP status and title. Endpoints that a
 * specification defines use {@link ProtocolError} and that specification's codes instead.
 */
const PROBLEMS = {
  // requests in general
  request_invalid: [400, 'The request does not have the shape this endpoint takes'],
  not_authenticated: [401, 'A valid key or token is required'],
  not_permitted: [403, 'This key or token does not permit that'],
  not_found: [404, 'There is nothing at this address'],
  body_too_large: [413, 'The body is larger than this endpoint takes'],
  misdirected_host: [421, 'This server does not serve the host that was asked for'],
  too_many_requests: [429, 'Too many requests'],
  busy: [503, 'The server has as much work as it can do'],
  // images
  image_not_supported: [415, 'The upload is not a JPEG, PNG or WebP image'],
  image_unreadable: [422, 'The image is damaged'],
  image_too_large: [422, 'The image has more pixels than are read'],
  image_too_small: [422, 'The image has too few pixels to be read'],
  document_not_found: [422, 'No document that can be read was found'],
  document_side_wrong: [422, 'The picture shows the other side of the document'],
  face_not_found: [422, 'No face was found'],
  face_multiple: [422, 'More than one face was found'],
  // proofing sessions
  session_not_found: [404, 'There is no such session'],
  session_expired: [410, 'The session has expired'],
  session_state: [409, 'The session is not in a state that allows this'],
  already_uploaded: [409, 'This image was uploaded already'],
  upload_not_found: [404, 'There is no such upload'],
  upload_offset: [409, 'The part does not begin where the upload ends'],
  upload_length: [400, 'The length of the upload is not what was said'],
  upload_completed: [409, 'The upload is complete'],
  digest_mismatch: [400, 'The content does not have the digest that came with it'],
  upload_missing: [409, 'An image is still missing'],
  approval_redeemed: [409, 'The approval was used already'],
  // status
  credential_not_found: [404, 'There is no such credential'],
  status_final: [409, 'A revoked credential stays revoked'],
  change_not_found: [404, 'There is no such change'],
  change_published: [409, 'The change was published and cannot be withdrawn'],
  bulk_not_found: [404, 'There is no such bulk change'],
  bulk_changed: [409, 'What the preview showed has changed since'],
  second_person_needed: [403, 'Somebody else has to approve this'],
  // presentations
  request_not_found: [404, 'There is no such presentation request'],
  request_expired: [410, 'The presentation request has expired'],
  request_answered: [409, 'The presentation request was answered already'],
  request_state: [409, 'The presentation request is not in a state that allows this'],
  request_refused: [409, 'The presentation request was refused already'],
  response_unreadable: [400, 'The response cannot be read with the key of this request'],
  response_code_invalid: [
    403,
    'The response code is not the one of this request, or was used already',
  ],
  trust_unavailable: [503, 'No trust list is in force, so nothing can be verified'],
  // why a presentation is not what was asked for
  presentation_malformed: [400, 'A presentation is not an SD-JWT with key binding'],
  presentation_not_requested: [400, 'The response answers a query that was not made'],
  presentation_multiple: [400, 'The response has more credentials than the query allows'],
  presentation_incomplete: [400, 'The response does not satisfy the query'],
  presentation_excessive: [400, 'A presentation discloses claims that were not requested'],
  presentation_untrusted: [400, 'The credential is not from an issuer on the trust list'],
  presentation_signature: [400, 'A signature does not verify'],
  presentation_time: [400, 'The credential is expired or not valid yet'],
  key_binding_missing: [400, 'The presentation does not prove possession of the holder key'],
  key_binding_audience: [400, 'The presentation was made for another verifier'],
  key_binding_nonce: [400, 'The presentation was made for another request'],
  key_binding_invalid: [
    400,
    'The key binding is too old, for other disclosures, or not by the holder',
  ],
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** RFC 9457 §3, with our code as an extension member. */
export interface ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail?: string
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
    return PROBLEMS[this.code][0]
  }
}

/** The problem document of anything thrown; what is not a {@link Problem} is a defect and tells nothing. RFC 9457 §3. */
export function toProblemDetails(thrown: unknown): ProblemDetails {
  if (!(thrown instanceof Problem)) {
    return { type: 'about:blank', title: 'Internal Server Error', status: 500, code: 'defect' }
  }
  const [status, title] = PROBLEMS[thrown.code]
  return {
    type: `urn:carnet:problem:${thrown.code}`,
    title,
    status,
    code: thrown.code,
    detail: thrown.message,
  }
}
