/** What `http2-client.ts` writes. */
export interface Http2Result {
  /** Requests by the pod that answered. */
  readonly pods: Readonly<Record<string, number>>
  /** Answers that were those to other requests, or damaged. */
  readonly wrong: number
  /** SHA-256. */
  readonly flood: string
}
