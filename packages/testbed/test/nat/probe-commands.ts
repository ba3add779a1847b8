/** An IPv4 address and a port. */
export interface Socket {
  readonly host: string
  readonly port: number
}

/** How one local port looked to those that it called, in their order. */
export interface Reflected {
  readonly localPort: number
  readonly seen: readonly Socket[]
}

/** `kind` is `open`, `silent`, or the system's error code; `seenAs` is what the callee saw. */
export interface KnockResult {
  readonly kind: string
  readonly seenAs?: Socket
}

/** `peer` is what the other side calls itself, once there is a connection. */
export interface MeetResult {
  readonly peer?: string
  readonly tries: number
}

/** `dial`: calls from a mapped port, again and again; `await`: makes its NAT know the other host, then takes its call. */
export type MeetingPart = 'dial' | 'await'

/** What `nat-probe.ts` does on a host of the lab. */
export type ProbeCommand =
  | { readonly do: 'serve'; readonly ports: readonly number[] }
  | { readonly do: 'reflect'; readonly to: readonly Socket[]; readonly localPort?: number }
  | { readonly do: 'reflect-udp'; readonly to: readonly Socket[] }
  | { readonly do: 'listen'; readonly localPort: number }
  | { readonly do: 'knock'; readonly at: Socket; readonly timeoutMs: number }
  | {
      readonly do: MeetingPart
      readonly localPort: number
      readonly at: Socket
      readonly name: string
      readonly windowMs: number
    }
  | { readonly do: 'release' }
