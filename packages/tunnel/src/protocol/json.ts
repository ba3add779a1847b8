import { ProtocolError } from '../errors.ts'

/** The one object that a frame holds. Fields are read by the functions below: nothing of it is trusted. */
export type JsonObject = Readonly<Record<string, unknown>>

/** @throws {ProtocolError} when the bytes are not the UTF-8 text of a JSON object */
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch (error) {
    throw new ProtocolError('the frame does not hold JSON', { cause: error })
  }
  return asObject(value, 'frame')
}

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError(`${what} is not an object`)
  }
  return value as JsonObject
}

export function textField(object: JsonObject, name: string, maxLength: number): string {
  const value = object[name]
  if (typeof value !== 'string' || value.length > maxLength) {
    throw new ProtocolError(`field ${name} is not a text of at most ${maxLength} characters`)
  }
  return value
}

export function integerField(object: JsonObject, name: string, max: number): number {
  const value = object[name]
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw new ProtocolError(`field ${name} is not an integer of 0 to ${max}`)
  }
  return value
}

export function arrayField(object: JsonObject, name: string, maxLength: number): readonly unknown[] {
  const value = object[name]
  if (!Array.isArray(value) || value.length > maxLength) {
    throw new ProtocolError(`field ${name} is not an array of at most ${maxLength} items`)
  }
  return value
}
