import type { Json } from '../../shared/json.ts'
import type { VerifiedRequest } from '../../shared/oid4vp/request.ts'
import { plain, wrap } from '../text.ts'
import { claimWords, typeWords } from './claim-words.ts'
import { type OverAsk, overAsks } from './over-ask.ts'
import type { PlannedCredential } from './plan.ts'

/**
 * What the worker reads before agreeing: who asks, by the certificate that a trusted authority gave them; why, in their
 * own words; what they would see, with its values only where `values` says that nobody else reads along; and what is
 * unusual about it. OpenID4VP 1.0 §15.
 */
export function consentScreen(
  { verifier, purpose, request }: VerifiedRequest,
  planned: readonly PlannedCredential[],
  { width, values }: { readonly width: number; readonly values: boolean },
): string[] {
  const answerHost = new URL(request.response_uri).hostname
  return [
    ...whoAsks({ verifier, purpose }, width),
    ...(verifier.leaf.sanDns.includes(answerHost)
      ? []
      : wrap(`The answer goes to ${plain(answerHost)}.`, width)),
    ...planned.flatMap((credential) => ['', ...credentialLines(credential, { width, values })]),
    ...warningsOf(planned, purpose).flatMap((warning) => ['', ...wrap(`! ${warning}`, width)]),
    '',
    ...planned.flatMap((credential) => wrap(copyLine(credential), width)),
  ]
}

/** Who asks and why: the head of every consent. */
export function whoAsks(
  {
    verifier,
    purpose,
  }: Pick<VerifiedRequest, 'verifier'> & { readonly purpose?: string | undefined },
  width: number,
): string[] {
  return [
    ...wrap(`${verifierName({ verifier })} asks you to show something.`, width),
    ...(purpose === undefined ? [] : wrap(`They say why: “${plain(purpose, 500)}”`, width)),
  ]
}

/** The name and the site that an authority of the trust list certified. */
export function verifierName({ verifier }: Pick<VerifiedRequest, 'verifier'>): string {
  const { organisation, subjectName, sanDns } = verifier.leaf
  const site = sanDns[0] === undefined ? '' : ` (${sanDns[0]})`
  return plain(`${organisation ?? subjectName}${site}`)
}

/** Whether a portrait would be shown, which needs an agreement of its own. */
export function showsPortrait(planned: readonly PlannedCredential[]): boolean {
  return planned.some(({ visible }) => visible.some(({ path }) => path[0] === 'picture'))
}

function credentialLines(
  { credential, visible }: PlannedCredential,
  { width, values }: { readonly width: number; readonly values: boolean },
): string[] {
  const { vct, issuerName } = credential
  return [
    ...wrap(`From ${typeWords(vct)}, issued by ${plain(issuerName)}:`, width),
    ...(visible.length === 0 ? ['  that you hold it, and nothing else'] : []),
    ...visible.flatMap(({ path, value }) => {
      const shown = values ? `: ${valueText(value)}` : ''
      return wrap(`${plain(claimWords(path))}${shown}`, width - 2, '  - ')
    }),
  ]
}

function valueText(value: Json): string {
  if (typeof value === 'string') return value.startsWith('data:') ? '(an image)' : plain(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.map(valueText).join(', ')
  return plain(JSON.stringify(value))
}

function warningsOf(planned: readonly PlannedCredential[], purpose: string | undefined): string[] {
  const warnings = planned.flatMap(({ asked, visible }) =>
    overAsks({ asked, visible: visible.map(({ path }) => path) }, purpose),
  )
  return [...new Set(warnings.map(warningText))]
}

function warningText({ reason, paths }: OverAsk): string {
  const claims = [...new Set(paths.map(claimWords))].map((words) => plain(words)).join(', ')
  switch (reason) {
    case 'portrait':
      return 'Your portrait is biometric data. Few platforms need it.'
    case 'identifying_number':
      return `${claims}: with this number others can recognise you anywhere.`
    case 'birthdate_beside_age':
      return 'They ask for your date of birth although they also ask only whether you are old enough.'
    case 'whole_group':
      return `They ask for everything under ${claims} at once.`
    case 'no_purpose':
      return 'They do not say why they ask.'
  }
}

function copyLine({ again, left }: PlannedCredential): string {
  if (again) return 'They get the copy that they have seen before.'
  const rest =
    left === 0
      ? 'it is the last fresh one'
      : `then ${left === 1 ? '1 fresh copy is left' : `${left} fresh copies are left`}`
  return `They get a copy that nobody else has seen or will see; ${rest}.`
}
