/** When the lists say what was decided; `published` is what an emergency was answered. */
export function whenPublished(published: boolean | undefined): string {
  if (published === undefined) return 'the next publication carries it'
  return published ? 'published' : 'not published yet, the issuer tries again'
}
