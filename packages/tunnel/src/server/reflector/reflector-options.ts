export interface ReflectorOptions {
  /** TCP ports of the tunnel server's address; two, so that one server can tell a symmetric NAT. None: it reflects nothing. */
  readonly ports: readonly number[]
}

export const DEFAULT_REFLECTOR_OPTIONS: ReflectorOptions = { ports: [20_004, 20_005] }
