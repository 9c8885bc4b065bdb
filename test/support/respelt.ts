/** The same JWT with the same bytes of signature in another spelling: the four unused bits of its last character are not zero. */
export function respelt(jwt: string): string {
  const last = jwt.at(-1) as string
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return jwt.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1]
}
