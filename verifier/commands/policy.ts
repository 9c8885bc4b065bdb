import { policyOfText } from '../policy-packs.ts'
import type { World } from '../world.ts'

/** Reads a policy file as the server would, and prints what it asks for and what can come of it. @throws OperatorError */
export function checkPolicy(world: World, file: string): void {
  const policy = policyOfText(file, world.readFile(file))
  world.print(`policy   ${policy.id} version ${policy.version} (${policy.trust_level})`)
  world.print(`sha256   ${policy.sha256}`)
  world.print(`purpose  ${policy.purpose}`)
  for (const { id, claims = [] } of policy.query.credentials) {
    for (const { path } of claims) world.print(`asks     ${id} ${path.join('.')}`)
    const { rules, status } = policy.credentials[id] ?? { rules: [], status: undefined }
    for (const { otherwise, code } of rules) world.print(`else     ${otherwise} ${code}`)
    if (status) world.print(`else     ${status.suspended} suspended`)
    if (status) world.print(`else     ${status.undetermined} undetermined`)
    world.print('else     refuse revoked')
  }
}
