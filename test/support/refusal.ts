import { expect } from 'chai'

/** Runs `act`, which must throw an error with this stable `code`. */
export async function refuses(code: string, act: () => unknown): Promise<void> {
  let thrown: unknown
  try {
    await act()
  } catch (error) {
    thrown = error
  }
  expect(thrown, `expected a refusal with ${code}`).to.be.instanceOf(Error)
  expect((thrown as { code?: string }).code, String(thrown)).to.equal(code)
}
