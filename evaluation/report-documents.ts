import type { SignName } from '../issuer/evidence/evidence.ts'
import type { CardRow } from './measure-cards.ts'
import type { SignRow } from './measure-signs.ts'
import { renderRate } from './statistics.ts'
import { table } from './table.ts'

/** The section of cards with two sides. */
export function cardSection(rows: readonly CardRow[] | undefined): string {
  if (!rows) return ''
  return `## Cards with two sides, drawn

Driving licences after Directive 2006/126/EC, driving licences after AAMVA and identity cards of Utopia, front and back,
drawn from seeds (\`demo/specimen\`) and degraded as above. *Fields* are name, birth, number and expiry, all as drawn;
*categories* every row of the table with its dates and codes. *ok* is the share of right readings that the pipeline calls
\`ok\`: never one of a driving licence, where nothing confirms what is printed. *Wrong ok* must be 0. *Other back* is the
back of the card before taken as this one's: found is \`sides_differ\` or \`sides_not_linked\`; two licences with the same
categories cannot be told apart. All text is in one typeface: real cards are harder.

${table(
  ['card', 'rendering', 'fields', 'categories', 'ok', 'wrong ok', 'other back found'],
  rows.map(({ card, rendering, fields, categories, ok, wrongOk, otherFound }) => [
    card,
    rendering,
    renderRate(fields),
    categories ? renderRate(categories) : '',
    renderRate(ok),
    String(wrongOk),
    renderRate(otherFound),
  ]),
)}`
}

const SIGNS: readonly (readonly [SignName, string])[] = [
  ['screen_recapture', 'screen'],
  ['printed_copy', 'print'],
  ['portrait_replaced', 'portrait'],
  ['text_edited', 'text'],
  ['layout_inconsistent', 'layout'],
]

/** The section of signs of fraud. */
export function signSection(rows: readonly SignRow[] | undefined): string {
  if (!rows) return ''
  return `## Signs of fraud: not assured

Passports and driving licences drawn from seeds, attacked by the program (\`evaluation/attacks.ts\`) and photographed:
how often each sign was raised. The first row and the last are false alarms; in the others the sign that belongs to the
attack should be raised. No real forgery is at hand, so these figures say that the code does what it says and nothing of
what a forger can do: every sign is \`not_assured\`, can have a person look and can do nothing else. Limits were chosen on
the tuning parts. A screen has 1.2 to 2.6 pixels of the camera for each of its own, before the picture is reduced to 75 to 100 %; printed dots
are 2.2 to 5 pixels wide. Pictures that cannot be read are refused and not counted here. Half of the documents, the licences, have a second portrait, which the attack leaves as it was; of the others, and
where it has fewer than 22 pixels between the eyes, nothing is said of the portrait: the rate is of those of which something is.

${table(
  ['pictures', 'of', ...SIGNS.map(([, title]) => title), 'any'],
  rows.map(({ name, pictures, raised, any }) => [
    name,
    String(pictures),
    ...SIGNS.map(([sign]) => renderRate(raised[sign])),
    renderRate(any),
  ]),
)}`
}
