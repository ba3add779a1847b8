/** What `grpc-client.ts` writes. */
export interface GrpcResult {
  /** The message came back unharmed. */
  readonly unary: boolean
  /** All messages came, in order. */
  readonly serverStreaming: boolean
  /** What the server says it got. */
  readonly clientStreaming: unknown
  readonly bidiStreaming: {
    readonly total: number
    /** Messages that had reached the server when nothing moved any more, the client reading none. */
    readonly whileHeldBack: number
    /** Meanwhile another call of the same connection was answered. */
    readonly otherCall: boolean
    /** Messages that came back, each in its place. */
    readonly inOrder: number
  }
  /** The client's status codes. */
  readonly cancelled: number
  readonly deadline: number
  /** The server was told that the call is over; of the second one it knew the deadline from the start. */
  readonly serverSawCancel: boolean
  readonly serverSawDeadline: boolean
}
