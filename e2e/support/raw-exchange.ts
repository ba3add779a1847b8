/** A message of enrolment or of the registry, as it goes over the wire. */
export interface RawMessage {
  readonly type: string
  readonly [field: string]: unknown
}

/** What `raw-member.ts` says on a stream of its own. */
export interface RawExchange {
  readonly protocol: string
  readonly send: readonly RawMessage[]
  /** The type of the message that ends it. */
  readonly until: string
}
