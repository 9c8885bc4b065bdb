/** Mocha's own `spec` report, then the counts on one plain line: `N passed, N failed` (`, N skipped`). */
const { reporters } = require('mocha')

module.exports = class Counted extends reporters.Spec {
  epilogue() {
    super.epilogue()
    const { passes, failures, pending } = this.stats
    const skipped = pending > 0 ? `, ${pending} skipped` : ''
    process.stdout.write(`${passes} passed, ${failures} failed${skipped}\n`)
  }
}
