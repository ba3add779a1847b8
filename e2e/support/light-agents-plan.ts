/** What `light-agents.ts` is told by its command line, as JSON. */
export interface LightAgentsPlan {
  /** As in the agents' config. */
  readonly servers: readonly string[]
  /** By node: the text of its join token. */
  readonly joinTokens: Readonly<Record<string, string>>
  /** Where each agent keeps what is its own, in a folder of its name. */
  readonly folder: string
}

/** One of them, as it sees itself. */
export interface LightAgent {
  readonly node: string
  readonly peerId: string
  /** Whether it is joined to a tunnel server, with a reservation at its relay. */
  readonly isJoined: boolean
  /** Tunnel servers it is joined to. */
  readonly sessions: number
  /** Other nodes that it knows. */
  readonly peers: number
}

/** Calls of one of them, each over a connection of its own, all at the same time. */
export interface LightCalls {
  readonly from: string
  /** `node/ip:port`; a light agent itself answers whatever address and port it is asked for. */
  readonly targets: readonly string[]
  /** So many bytes follow each answer; none unless given. */
  readonly bytes?: number
}

/** How a call ended, `by` being the pod or light agent that answered. */
export type LightCallOutcome =
  | { readonly kind: 'answer'; readonly by: string; readonly path: string }
  | { readonly kind: 'failed'; readonly failure: string; readonly message: string }
