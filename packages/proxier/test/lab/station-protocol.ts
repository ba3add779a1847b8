import type { Protocol } from '@edgeway/core'

/** An address at which a station answers TCP connections and UDP datagrams, and what it calls itself there. */
export interface Server {
  readonly name: string
  readonly ip: string
  readonly port: number
}

/** Where a call goes. */
export interface Target {
  readonly ip: string
  readonly port: number
  readonly protocol: Protocol
  /** The kernel's choice when left out. */
  readonly sourceIp?: string
  readonly sourcePort?: number
}

/** What a server said: who it is, and the address it saw the client at. */
export interface Answer {
  readonly name: string
  readonly client: string
}

/** What became of a call. */
export type Outcome = Answer | { readonly error: string }

/** What a station can be asked to do; one JSON document per line, each with an `id` that its Reply has too. */
export type Request =
  | { readonly do: 'serve'; readonly servers: readonly Server[] }
  /** Calls one after the other; gives an Outcome for each. */
  | { readonly do: 'call'; readonly target: Target; readonly count: number }
  /** Calls all targets in turn, over and over; gives nothing. */
  | { readonly do: 'start load'; readonly targets: readonly Target[] }
  /** Gives the Outcomes of the load that was started last. */
  | { readonly do: 'end load' }
  /** Opens a TCP connection that stays; gives its number and the Answer. */
  | { readonly do: 'connect'; readonly target: Target }
  /** Sends a text over an open connection and gives what comes back. */
  | { readonly do: 'echo'; readonly connection: number; readonly text: string }
  /** Closes the open connections. */
  | { readonly do: 'hang up' }

export interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}
