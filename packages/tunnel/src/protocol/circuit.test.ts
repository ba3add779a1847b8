import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import { decodeHopRequest, decodeStopStatus, encodeHopStatus, encodeStopConnect } from './circuit.ts'

describe('circuit messages', () => {
  it('have the bytes that the specification wants', () => {
    expect(Buffer.from(encodeHopStatus('permissionDenied')).toString('hex')).toBe('05080228ca01')
    expect(Buffer.from(encodeHopStatus('ok', 300)).toString('hex')).toBe('0908021a0308ac022864')
    expect(Buffer.from(encodeStopConnect(Buffer.from('id'))).toString('hex')).toBe('08080012040a026964')
  })

  it('are read with fields that this side does not know', () => {
    // type RESERVE, and a field 9 of each kind
    expect(decodeHopRequest(Buffer.from('080048054a0161', 'hex'))).toEqual({
      type: 'reserve',
    })
    // type CONNECT, peer {id: "id", one address}
    const connect = decodeHopRequest(Buffer.from('080112080a02696412027878', 'hex'))
    expect(connect).toEqual({ type: 'connect', peer: Buffer.from('id') })
    expect(decodeStopStatus(Buffer.from('08012064', 'hex'))).toBe(true)
    expect(decodeStopStatus(Buffer.from('080120ca01', 'hex'))).toBe(false)
  })

  it('that are garbage are protocol errors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(decodeHopRequest(bytes).type).toMatch(/reserve|connect/)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
    )
  })
})
