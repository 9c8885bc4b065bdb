/** What the work throws. Fails the test that expects a failure when there is none. */
export async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work
  } catch (thrown) {
    return thrown as Error
  }
  throw new Error('expected a failure, but it succeeded')
}
