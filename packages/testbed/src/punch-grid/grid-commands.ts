/** What a program of a `PunchGrid` and the grid tell one another. */

/** For what the program is started, as its first argument in JSON. */
export interface GridNodeConfig {
  /** A relay's key is made of it. */
  readonly name: string
  /** IP addresses of the relays; a node joins the first one and asks the reflectors of all. None for a relay itself. */
  readonly relays?: Readonly<Record<string, string>>
}

/** The words that the product has for what NATs do. */
export interface GridNatType {
  readonly mapping: string
  readonly filtering: string
}

/** What came of a punch: `punched`, or why not; `path` is what the product calls the new connection. */
export interface GridPunch {
  readonly outcome: string
  readonly tries: number
  readonly tookMs: number
  readonly path?: string
}

/**
 * `ready` is answered by nodes and relays, the others by nodes: `nat-type` with the type that reflectors tell, `join`, which ends
 * what was, with a new PeerId, `punch` with a `GridPunch`. `nat`: the type that the node has, or its peer, as the records
 * would tell.
 */
export type GridCommand =
  | { readonly do: 'ready' }
  | { readonly do: 'nat-type' }
  | { readonly do: 'join'; readonly nat: GridNatType }
  | { readonly do: 'punch'; readonly peerId: string; readonly nat: GridNatType }
