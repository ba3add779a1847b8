import { EdgewayError } from '@edgeway/core'

/** An object of the API lacks a field or has it in a form that can't be used; the message names the field. */
export class MalformedObjectError extends EdgewayError {
  override readonly name = 'MalformedObjectError'
  readonly code = 'ERR_MALFORMED_OBJECT'

  /** @param field - its path, e.g. `spec.ports[0].port` */
  constructor(field: string, found: unknown, expected: string) {
    super(`${field}: expected ${expected}, found ${JSON.stringify(found) ?? 'nothing'}`)
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

/** The offline store was written by a newer or an older version, which may want it back. */
export class StoreVersionError extends EdgewayError {
  override readonly name = 'StoreVersionError'
  readonly code = 'ERR_STORE_VERSION'

  constructor(file: string, found: number, expected: number) {
    super(`${file} is of version ${found}, expected ${expected}: it is left alone, and nothing is stored`)
  }
}
