import { expect } from 'chai'
import { parseDisclosure } from '../../../shared/sd-jwt/disclosure.ts'

describe('parseDisclosure', () => {
  it('reads the published disclosures and their digests (RFC 9901 §4.2.1 to §4.2.3)', () => {
    const property = parseDisclosure(
      'WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0',
    )
    expect(property.name).to.equal('family_name')
    expect(property.value).to.equal('Möbius')
    expect(property.digest).to.equal('X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0')
    const element = parseDisclosure('WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0')
    expect(element).to.not.have.property('name')
    expect(element.value).to.equal('FR')
    expect(element.digest).to.equal('w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs')
  })

  it('takes each of the published encodings of one disclosure as it is (RFC 9901 §4.2.1)', () => {
    for (const text of [
      'WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd',
      'WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTcO2Yml1cyJd',
      'WwoiXzI2YmM0TFQtYWM2cTJLSTZjQlc1ZXMiLAoiZmFtaWx5X25hbWUiLAoiTcO2Yml1cyIKXQ',
    ]) {
      expect(parseDisclosure(text).value).to.equal('Möbius')
    }
  })
})
