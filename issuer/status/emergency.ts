/**
 * Publishes out of turn and answers whether it is out. The change that asked for it is decided either way, so a failure
 * is an answer here: whoever publishes has reported it and tries again.
 */
export async function publishEmergency(publishNow: () => Promise<void>): Promise<boolean> {
  try {
    await publishNow()
    return true
  } catch {
    return false
  }
}
