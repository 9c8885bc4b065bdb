import { expect } from 'chai'
import { REASON_CLASSES, type ReasonClass, reasonText } from '../../../issuer/status/status.ts'

describe('reasonText', () => {
  it('says the same for every class that could tell of an investigation', () => {
    const neutral: ReasonClass[] = ['fraud', 'compliance', 'legal_order', 'deceased']
    expect(new Set(neutral.map(reasonText)).size).to.equal(1)
    for (const reasonClass of REASON_CLASSES) {
      expect(reasonText(reasonClass)).not.to.match(
        /sanction|watch|list|court|order|fraud|police|investigat/i,
      )
    }
  })
})
