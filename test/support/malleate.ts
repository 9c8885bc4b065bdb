/** The order of P-256. NIST SP 800-186 §3.2.1.3. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/**
 * The same JWT in another text that verifies: ES256 takes (r, n - s) wherever it takes (r, s), and whoever sees one can
 * make the other without the key.
 */
export function malleate(jwt: string): string {
  const end = jwt.lastIndexOf('.') + 1
  const signature = Buffer.from(jwt.slice(end), 'base64url')
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`)
  const other = (ORDER - s).toString(16).padStart(64, '0')
  return (
    jwt.slice(0, end) +
    Buffer.concat([signature.subarray(0, 32), Buffer.from(other, 'hex')]).toString('base64url')
  )
}
