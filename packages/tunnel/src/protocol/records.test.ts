import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import { decodeRecordMessage, encodeRecordMessage, RECORDS_FRAMES } from './records.ts'

const wire = fc.record({ certificate: fc.string({ maxLength: 300 }), record: fc.string({ maxLength: 300 }) })

it('records come back as they were', () => {
  fc.assert(
    fc.property(wire, (told) => {
      expect(decodeRecordMessage(encodeRecordMessage(told).subarray(RECORDS_FRAMES.prefixBytes))).toEqual(
        told,
      )
    }),
  )
})

it('whatever comes is a record or a ProtocolError', () => {
  const odd = fc.record(
    {
      type: fc.oneof(fc.constant('record'), fc.jsonValue()),
      certificate: fc.jsonValue(),
      record: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  const json = fc.oneof(odd, fc.jsonValue()).map((value) => Buffer.from(JSON.stringify(value)))
  fc.assert(
    fc.property(fc.oneof(json, fc.uint8Array()), (bytes) => {
      try {
        expect(typeof decodeRecordMessage(bytes).record).toBe('string')
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
      }
    }),
  )
})
