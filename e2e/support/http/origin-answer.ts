/** What an `origin.ts` got. */
export interface OriginAnswer {
  readonly pod: string
  readonly node: string
  readonly method: string
  readonly path: string
  /** Names and values in turn, as they came. */
  readonly headers: readonly string[]
  /** Of the body. */
  readonly bytes: number
  readonly sha256: string
  /** By which of its connections it came, counted from 1. */
  readonly connection: number
}

/** Since the origin's start. */
export interface OriginStats {
  readonly connections: number
  /** Without those that control it. */
  readonly requests: number
  /** Of them, those whose body broke off. */
  readonly broken: number
  /** Bytes of bodies. */
  readonly received: number
  /** Connections that are open now. */
  readonly open: number
}

/** All values of one header. */
export function headersOf({ headers }: OriginAnswer, name: string): string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name)
}
