/**
 * Starts a compiled program, or says in one line why it cannot start. Written for any Node that knows modules, so that
 * an old one reaches the message.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const OLDEST = [20, 19]

/** EX_CONFIG of sysexits.h: the machine is not set up for this program. */
const NOT_SET_UP = 78

/** @param {string} program @param {string} entry path below dist/ */
export async function launch(program, entry) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    const wanted = OLDEST.join('.')
    return refuse(program, `Node.js ${wanted} or newer is needed, this is ${process.versions.node}`)
  }
  const compiled = new URL(`../dist/${entry}`, import.meta.url)
  if (!existsSync(fileURLToPath(compiled))) {
    return refuse(program, 'the programs are not built yet', 'npm ci && npm run build')
  }
  return import(compiled.href)
}

/** @param {string} program @param {string} reason @param {string} [hint] */
function refuse(program, reason, hint) {
  process.stderr.write(`${program}: ${reason}\n`)
  if (hint) process.stderr.write(`${program}: hint: ${hint}\n`)
  process.exitCode = NOT_SET_UP
}
