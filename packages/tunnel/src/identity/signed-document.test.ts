import { describe, expect, it } from 'vitest'
import { peer } from '../../test/identity-world.ts'
import { readDocument, signDocument } from './signed-document.ts'

describe('a signed document', () => {
  it('holds for its kind, its signer and its bytes only', async () => {
    const [one, two] = [await peer(), await peer()]
    const text = signDocument('token', { a: 1 }, one.signer)
    const [body = '', signature = ''] = text.split('.')
    const forged = `${Buffer.from('{"a":2}').toString('base64url')}.${signature}`

    expect(readDocument('token', text).isSignedBy(one.signer.publicKey)).toBe(true)
    expect(readDocument('token', text).isSignedBy(two.signer.publicKey)).toBe(false)
    expect(readDocument('record', text).isSignedBy(one.signer.publicKey)).toBe(false)
    expect(readDocument('token', forged).isSignedBy(one.signer.publicKey)).toBe(false)
    for (const broken of ['', body, `${body}.`, `${text}A`, `!${text}`, `${body}.${signature.slice(1)}`])
      expect(() => readDocument('token', broken), broken).toThrow(/no signed token/)
  })
})
