import { EdgewayError } from '@edgeway/core'

const HTTP_CODES = {
  BadRequest: 400,
  NotFound: 404,
  MethodNotAllowed: 405,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  InternalError: 500,
} as const

export type StatusReason = keyof typeof HTTP_CODES

/** The body of a failed request, as kube-apiserver sends it. */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Readonly<Record<string, never>>
  readonly status: 'Failure'
  readonly message: string
  readonly reason: string
  readonly code: number
}

/** A request failed in a way that the API has a Status for. */
export class StatusError extends EdgewayError {
  override readonly name = 'StatusError'
  readonly code = 'ERR_API_STATUS'
  readonly reason: string
  readonly httpCode: number

  constructor(reason: StatusReason, message: string, options?: ErrorOptions)
  constructor(status: Pick<Status, 'reason' | 'message' | 'code'>)
  constructor(
    from: StatusReason | Pick<Status, 'reason' | 'message' | 'code'>,
    message = '',
    options?: ErrorOptions,
  ) {
    const status = typeof from === 'string' ? { reason: from, message, code: HTTP_CODES[from] } : from
    super(status.message, options)
    this.reason = status.reason
    this.httpCode = status.code
  }

  get status(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      code: this.httpCode,
    }
  }
}
