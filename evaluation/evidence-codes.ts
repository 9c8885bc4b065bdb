import {
  COMPARISON_REASONS,
  type ComparisonReason,
  NOT_ASSURED,
  type NotAssured,
  WARNING_CODES,
  type WarningCode,
} from '../issuer/evidence/evidence.ts'
import { FAULT_REMEDIES, QUALITY_FAULTS } from '../issuer/evidence/face/quality.ts'

interface CodeNote {
  readonly raisedBy: string
  readonly remedy: string
}

const WARNINGS: Readonly<Record<WarningCode, CodeNote>> = {
  mrz_check_digit_wrong: {
    raisedBy:
      'a check digit of the machine-readable zone does not fit its field (ICAO 9303-3 §4.9)',
    remedy: 'photograph the page again, flat and without glare; if it stays, the document is wrong',
  },
  mrz_uncertain: {
    raisedBy:
      'neither the second recogniser nor the printed zone confirms a part; `detail` names the parts',
    remedy: 'photograph the page again, sharp and filling the picture',
  },
  mrz_name_truncated: {
    raisedBy:
      'the name fills its field of the zone, so that it may be cut off (ICAO 9303-3 §4.6), and print does not show it whole, read alike twice; `detail` names the fields',
    remedy:
      'photograph the side with the printed name again, sharp and filling the picture; if it stays, a person reads the name',
  },
  mrz_repaired: {
    raisedBy: 'a look-alike was settled where position, charset and check digits leave one reading',
    remedy: 'none; a person may compare the field with the picture',
  },
  zones_differ: {
    raisedBy: 'a label in the printed zone names a value that is not the machine-readable one',
    remedy: 'a person compares the fields in `detail`',
  },
  document_expired: {
    raisedBy: 'the date of expiry is before today (UTC)',
    remedy: 'use a valid document',
  },
  document_type_not_accepted: {
    raisedBy:
      'the zone is that of a visa or begins with letters of no identity document, or the workflow does not take the type',
    remedy: 'use a passport, or another document that the workflow takes',
  },
  document_date_impossible: {
    raisedBy:
      'a date is missing or not in the calendar, birth lies in the future or more than 125 years back, the document ends before it begins or is valid for longer than its type can be; `detail` names the date',
    remedy: 'photograph the page again; if it stays, the document is wrong',
  },
  country_unknown: {
    raisedBy: 'issuing state or nationality is not a code of ICAO 9303-3 §5',
    remedy: 'photograph the page again',
  },
  print_uncertain: {
    raisedBy:
      'nothing confirms what is printed on a card without a machine-readable zone; `detail` names the fields that were not read alike twice or that the barcode does not show',
    remedy: 'none where it stands alone; a person compares the picture with the fields in `detail`',
  },
  barcode_differs: {
    raisedBy: 'print and barcode of a card show different values; `detail` has field and reason',
    remedy: 'photograph both sides again; if it stays, a person compares them',
  },
  document_side_missing: {
    raisedBy: 'the type of document has another side that was not shown; `detail` names it',
    remedy: 'photograph the other side as well',
  },
  sides_differ: {
    raisedBy:
      'front and back name different values or are of different types: they are not of one document; `detail` says in what',
    remedy: 'photograph both sides of one document',
  },
  sides_not_linked: {
    raisedBy:
      'no field of the front is found on the back, so nothing says that they belong together',
    remedy: 'photograph both sides again, sharp and without glare',
  },
  driving_rule_broken: {
    raisedBy:
      'a category of a driving licence was granted too young, ends before it begins or lasts longer than Directive 2006/126/EC allows; `detail` has category and rule',
    remedy: 'a person compares the table with the picture',
  },
  screen_recapture_suspected: {
    raisedBy:
      'the colours of the picture repeat everywhere in it as the pixels of a screen do; `detail` names the side. Not assured: measured on generated pictures alone',
    remedy: 'photograph the document itself, not a picture of it',
  },
  printed_copy_suspected: {
    raisedBy:
      'the brightness of the picture repeats everywhere in it as printed dots and the pixels of a screen do, or hardly anything in it has a colour. Not assured: measured on generated pictures alone',
    remedy: 'photograph the document itself, not a copy of it',
  },
  portrait_replaced_suspected: {
    raisedBy:
      'the second, smaller portrait shows somebody else; a document without one says nothing. Not assured: measured on generated pictures alone',
    remedy: 'a person looks at the portrait and its edges',
  },
  text_edited_suspected: {
    raisedBy:
      'the paper behind one line is much more even than behind the others, as if it had been covered. Not assured',
    remedy: 'a person looks at the lines',
  },
  layout_inconsistent_suspected: {
    raisedBy:
      'letters of one line are of a size that others of its kind do not have, or the lines of a zone are not as far apart as ICAO 9303-3 §4.4 asks. Not assured',
    remedy: 'a person looks at the lines',
  },
  document_seen_with_other_data: {
    raisedBy:
      'a document of this number, type and state was seen before, by this issuer, with other data; off by default',
    remedy: 'a person compares the two sessions',
  },
  portrait_seen_with_other_data: {
    raisedBy:
      'this very portrait was seen before, by this issuer, on a document with other data; off by default',
    remedy: 'a person compares the two sessions',
  },
  portrait_quality_low: {
    raisedBy: 'the portrait on the document has a fault; `detail` names it',
    remedy: 'see the faults below',
  },
  selfie_quality_low: {
    raisedBy: 'the selfie has a fault; `detail` names it',
    remedy: 'see the faults below',
  },
  face_match_low: {
    raisedBy: 'the fused 1:1 score is below review: it speaks against one person',
    remedy: 'a person compares the faces; nobody is refused by a score alone',
  },
  face_match_review: {
    raisedBy: 'the fused 1:1 score lies between review and threshold',
    remedy: 'a person compares the faces',
  },
  liveness_low: {
    raisedBy: 'passive liveness of the still is below review',
    remedy: 'take the selfie again, in person and in good light',
  },
  liveness_review: {
    raisedBy: 'passive liveness of the still lies between review and threshold',
    remedy: 'a person looks at the selfie',
  },
  duplicate_suspected: {
    raisedBy:
      'a search among the faces that this issuer keeps, off by default, found one as alike as its threshold in a session with another name or date of birth. Not assured',
    remedy: 'a person compares the two sessions',
  },
  face_on_blocklist: {
    raisedBy:
      'a search among the faces that an operator put on the blocklist, off by default, found one as alike as its threshold. Not assured; told to reviewers alone',
    remedy: 'a person looks at why the face is on the list, and compares',
  },
  clip_frames_repeated: {
    raisedBy:
      'a frame of the clip shows what an earlier one shows, as a looped or injected stream does',
    remedy: 'take the clip again with the camera',
  },
  clip_person_differs: {
    raisedBy:
      'a frame of the clip is less like the selfie than the threshold of the 1:1 comparison',
    remedy: 'take selfie and clip again, alone',
  },
  clip_without_motion: {
    raisedBy: 'the face moves as a whole and not within itself, as a picture that is moved does',
    remedy: 'blink, speak or turn the head a little while the clip is taken',
  },
  clip_liveness_low: {
    raisedBy: 'the mean passive liveness of the frames is below the threshold',
    remedy: 'take the clip again, in person and in good light',
  },
}

const UNASSURED: Readonly<Record<NotAssured, string>> = {
  demographic_groups: 'error rates per group of people',
  document_authenticity:
    'whether the document is genuine: no chip is read, no security feature examined',
  portrait_replaced:
    'whether the portrait is the one that was issued: a sign of it is measured on generated pictures alone',
  text_edited:
    'whether printed text was changed: a sign of it is measured on generated pictures alone',
  document_recaptured:
    'whether the document itself was photographed: signs of screen and print are measured on generated pictures alone',
  liveness_mask: 'a mask before the camera',
  liveness_deepfake: 'a generated face',
  liveness_injected_stream: 'a picture that no camera of the applicant took',
}

const REASONS: Readonly<Record<ComparisonReason, string>> = {
  other_value: 'the values are different',
  other_date: 'the dates are different',
  one_character: 'one character differs: misread, or changed',
  cut_off: 'one is the beginning of the other',
  check_digit_wrong: 'the check digit of the machine-readable value is wrong as well',
  not_printed: 'the value was not found in print',
  not_encoded: 'the barcode does not hold the field',
}

/** `docs/evidence-codes.md`, from the types themselves: a code without a note does not compile. */
export function renderEvidenceCodes(): string {
  const warnings = WARNING_CODES.map(
    (code) => `| \`${code}\` | ${WARNINGS[code].raisedBy} | ${WARNINGS[code].remedy} |`,
  )
  const faults = QUALITY_FAULTS.map((fault) => `| \`${fault}\` | ${FAULT_REMEDIES[fault]} |`)
  const unassured = NOT_ASSURED.map((name) => `| \`${name}\` | ${UNASSURED[name]} |`)
  const reasons = COMPARISON_REASONS.map((reason) => `| \`${reason}\` | ${REASONS[reason]} |`)
  return `# Codes of evidence

Made by \`npm run evidence-codes\`; do not edit. Codes are stable; what a code leads to is the workflow's business
(\`issuer/decision\`). Each is raised by a test in \`test/issuer/evidence/codes.test.ts\`.

## Warnings

| code | raised by | what helps |
| --- | --- | --- |
${warnings.join('\n')}

## Why two sources differ

Each field that is printed and also read by a machine has a comparison in the evidence; where the two do not agree it
says why.

| reason | what |
| --- | --- |
${reasons.join('\n')}

## Faults of a picture of a face

| fault | what helps |
| --- | --- |
${faults.join('\n')}

## Not assured

What no measurement covers (\`docs/accuracy.md\`); no score speaks for it.

| name | what |
| --- | --- |
${unassured.join('\n')}
`
}
