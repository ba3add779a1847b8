/** What a method is for, as label; clients may make up any. */
export const METHOD_CLASSES = ['read', 'write', 'other'] as const

/** Class of the status that the client got, as label. */
export const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** @returns index into `METHOD_CLASSES`; of RFC 9110, 9.3, and RFC 5789 */
export function methodClassOf(method: string): number {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return 0
    case 'POST':
    case 'PUT':
    case 'PATCH':
    case 'DELETE':
      return 1
    default:
      return 2
  }
}

/** @returns index into `STATUS_CLASSES` */
export function statusClassOf(status: number | undefined): number {
  return status === undefined || status < 100 || status > 599 ? 0 : Math.floor(status / 100)
}
