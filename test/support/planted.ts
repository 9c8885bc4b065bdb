/** Every form in which a text could stand in another: as it is, escaped, and in base64, base64url and hexadecimal. */
export function tracesOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const traces = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
  traces.push(bytes.toString('hex'))
  // What a base64 of it and its neighbours holds in any case, wherever it begins.
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes])
    const whole = padded.subarray(0, padded.length - (padded.length % 3)).toString('base64')
    const inner = whole.slice(before === 0 ? 0 : 4)
    if (inner.length >= 8) traces.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return [...new Set(traces)]
}

/** The secrets that a text shows in any form, whatever the case of its letters. */
export function shownIn(text: string, secrets: Iterable<string>): string[] {
  const lower = text.toLowerCase()
  return [...secrets].filter((secret) =>
    tracesOf(secret).some((trace) =>
      /^\d{1,10}$/.test(trace)
        ? new RegExp(`(?<![\\d.])${trace}(?!\\d)`).test(text)
        : lower.includes(trace.toLowerCase()),
    ),
  )
}
