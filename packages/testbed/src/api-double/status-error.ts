import { EdgewayError } from '@edgeway/core'

const HTTP_CODES = {
  BadRequest: 400,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  InternalError: 500,
  Timeout: 504,
} as const

export type StatusReason = keyof typeof HTTP_CODES

/** Why one field is not as it should be. */
export interface StatusCause {
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueTypeInvalid'
    | 'FieldValueForbidden'
  readonly message: string
  /** E.g. `spec.ports[0].port`. */
  readonly field: string
}

/** What a failure is about. */
export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
}

/** The body of a failed request, as kube-apiserver sends it. */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Readonly<Record<string, never>>
  readonly status: 'Failure'
  readonly message: string
  readonly reason: string
  readonly details?: StatusDetails
  readonly code: number
}

type StatusParts = Pick<Status, 'reason' | 'message' | 'code' | 'details'>

/** A request failed in a way that the API has a Status for. */
export class StatusError extends EdgewayError {
  override readonly name = 'StatusError'
  readonly code = 'ERR_API_STATUS'
  readonly reason: string
  readonly httpCode: number
  readonly details: StatusDetails | undefined

  constructor(
    reason: StatusReason,
    message: string,
    options?: ErrorOptions & { readonly details?: StatusDetails },
  )
  constructor(status: StatusParts)
  constructor(
    from: StatusReason | StatusParts,
    message = '',
    options: ErrorOptions & { readonly details?: StatusDetails } = {},
  ) {
    const { details } = typeof from === 'string' ? options : from
    const status = typeof from === 'string' ? { reason: from, message, code: HTTP_CODES[from] } : from
    super(status.message, options)
    this.reason = status.reason
    this.httpCode = status.code
    this.details = details
  }

  get status(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.httpCode,
    }
  }
}
