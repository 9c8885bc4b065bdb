/** More marks on one letter than any script puts there reach into the lines above and below. */
const PILED = /(\p{M}{4})\p{M}+/gu
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u115f\u1160\u3164\uffa0]/gu

/**
 * Text that another party wrote, made fit for a terminal: control characters, line ends, direction marks and invisible
 * characters become a visible mark, so that no name or purpose can draw, hide or reorder anything on a consent screen.
 */
export function plain(text: string, maxLength = 200): string {
  const shown = text.replace(UNFIT, '\ufffd').replace(PILED, '$1\ufffd')
  const characters = [...shown]
  return characters.length <= maxLength ? shown : `${characters.slice(0, maxLength - 1).join('')}…`
}

/** A value as one line of JSON that is fit for a terminal too: what {@link plain} replaces is escaped. RFC 8259 §7. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(UNFIT, (unfit) =>
    Array.from({ length: unfit.length }, (_, at) =>
      unfit.charCodeAt(at).toString(16).padStart(4, '0'),
    )
      .map((hex) => `\\u${hex}`)
      .join(''),
  )
}

/** Breaks text into lines no wider than `width`, each after `indent`; a word longer than a line is cut. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const room = Math.max(8, width - indent.length)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((long) => pieces(long, room))) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, indent + line]
}

function pieces(word: string, length: number): string[] {
  const characters = [...word]
  if (characters.length <= length) return [word]
  return [
    characters.slice(0, length).join(''),
    ...pieces(characters.slice(length).join(''), length),
  ]
}
