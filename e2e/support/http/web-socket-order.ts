/** What a `web-socket-talk-server.ts` is to do: close; vanish; ping, and tell what came back; tell which closes it has seen. */
export type WebSocketOrder =
  | { readonly close: number; readonly reason: string }
  | { readonly terminate: true }
  | { readonly ping: string }
  | { readonly closes: true }

/** What `web-socket-talk-client.ts` writes. */
export interface WebSocketTalk {
  /** The subprotocol that the server chose. */
  readonly protocol: string
  readonly extensions: string
  /** What came back of a ping of the client, and of one of the server. */
  readonly pongs: readonly string[]
  /** SHA-256 of a message in many fragments, with a ping between two of them: as sent, and as the server saw it. */
  readonly fragments: { readonly sent: string; readonly seen: string; readonly pong: string }
  /** Codes and reasons: of a close by the server, of one by the client as the server saw it, of a server that vanished. */
  readonly closes: readonly { readonly code: number; readonly reason: string }[]
}
