import { EdgewayError, type IpFamily } from '@edgeway/core'

/** Of a wrong value in a message. */
const MAX_EXCERPT_LENGTH = 80

/** An object of the API lacks a field or has it in a form that can't be used; the message names the field. */
export class MalformedObjectError extends EdgewayError {
  override readonly name = 'MalformedObjectError'
  readonly code = 'ERR_MALFORMED_OBJECT'

  /** @param field - its path, e.g. `spec.ports[0].port` */
  constructor(field: string, found: unknown, expected: string) {
    super(`${field}: expected ${expected}, found ${excerptOf(found)}`)
  }
}

function excerptOf(value: unknown): string {
  const text = jsonOf(value)
  return text.length > MAX_EXCERPT_LENGTH ? `${text.slice(0, MAX_EXCERPT_LENGTH)}…` : text
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'nothing'
  } catch {
    // What could be parsed may still be nested too deeply to be written.
    return 'what can not be shown'
  }
}

/** The API can't be asked: not reachable, or it answered with an error. */
export class SourceError extends EdgewayError {
  override readonly name = 'SourceError'
  readonly code = 'ERR_SOURCE'
  /** The HTTP status that it answered with, if it did. */
  readonly status: number | undefined

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** An entry of a Secret is not what it was when it was read last: somebody else wrote it. */
export class SecretConflictError extends EdgewayError {
  override readonly name = 'SecretConflictError'
  readonly code = 'ERR_SECRET_CONFLICT'

  constructor(place: string) {
    super(`${place} was written by somebody else meanwhile: it is left as it is`)
  }
}

/** The offline store was written by another version: a newer one may want it back, an older one is of no use. */
export class StoreVersionError extends EdgewayError {
  override readonly name = 'StoreVersionError'
  readonly code = 'ERR_STORE_VERSION'
  readonly isOlder: boolean

  constructor(file: string, found: number, expected: number) {
    const isOlder = found < expected
    const consequence = isOlder ? 'it is begun anew' : 'it is left alone, and nothing is stored'
    super(`${file} is of version ${found}, expected ${expected}: ${consequence}`)
    this.isOlder = isOlder
  }
}

/** A range of virtual addresses can't be used. */
export class AddressRangeError extends EdgewayError {
  override readonly name = 'AddressRangeError'
  readonly code = 'ERR_ADDRESS_RANGE'

  constructor(text: string, family: IpFamily) {
    const example = family === 'IPv4' ? '240.240.0.0/16' : 'fd00:e:1::/64'
    const field = `virtualAddresses.${family.toLowerCase()}`
    super(
      `${field}: expected an ${family} range that pods can call, e.g. ${example}, or off, found "${text}"`,
    )
  }
}
