/** What an agent process is started for, as its first argument in JSON. */
export interface AgentOrder {
  /** Of MetaServer. */
  readonly url: string
  readonly storeFile: string
  readonly nodeName: string
  /** How much it has to know to tell that it is complete. */
  readonly complete: Sizes
}

export interface Sizes {
  readonly ports: number
  readonly endpoints: number
}

export type AgentQuestion = 'memory' | 'view'

/** What an agent process tells. */
export type AgentMessage =
  /** What it knows from its store, once it has started; `atMs`: since the process began. */
  | {
      readonly type: 'started'
      readonly atMs: number
      readonly view: PortViews
      readonly warnings: readonly string[]
    }
  | { readonly type: 'complete'; readonly atMs: number }
  /** The ServicePort has changed, and has an endpoint that takes no connections. */
  | { readonly type: 'unready'; readonly atMs: number; readonly name: string }
  | {
      readonly type: 'memory'
      readonly heapBytes: number
      readonly rssBytes: number
    }
  | { readonly type: 'view'; readonly view: PortViews }

export interface PortView {
  readonly name: string
  readonly address: string
  /** As of `formatEndpoint`. */
  readonly endpoints: readonly {
    readonly text: string
    readonly ready: boolean
  }[]
}

export type PortViews = readonly PortView[]
