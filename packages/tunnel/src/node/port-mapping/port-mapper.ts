import type { Mapping } from '../../nat-type.ts'

/** The router that packets for the internet go to, by its IPv4 address. */
export interface Gateway {
  readonly ip: string
}

/** How routers are asked; the first one that a router understands is kept to. */
export const MAPPING_PROTOCOLS = ['nat-pmp', 'upnp'] as const

export type MappingProtocol = (typeof MAPPING_PROTOCOLS)[number]

/**
 * Why there is no mapping:
 * - `no-gateway`: this host has no default route by IPv4
 * - `no-answer`: the router speaks neither protocol, or not now
 * - `refused`: it does, but says no
 * - `bad-answer`: what it says makes no sense
 * - `private-address`: it is behind a NAT itself
 */
export const MAPPING_FAILURES = [
  'no-gateway',
  'no-answer',
  'refused',
  'bad-answer',
  'private-address',
] as const

export type MappingFailure = (typeof MAPPING_FAILURES)[number]

export interface FailedMapping {
  readonly kind: 'failed'
  readonly reason: MappingFailure
  readonly message: string
}

export interface GrantedMapping {
  readonly kind: 'mapped'
  /** As the router says, unchecked. */
  readonly external: Mapping
  /** 0: until it is removed. */
  readonly lifetimeSeconds: number
}

export interface MappingRequest {
  /** This host's TCP port. */
  readonly internalPort: number
  /** The wanted one; the router may give another. */
  readonly externalPort: number
  readonly lifetimeSeconds: number
}

/** Asks one router by one protocol. Answers are bounded in size and time, and only those of that router count. */
export interface PortMapper {
  readonly protocol: MappingProtocol
  /** Makes a mapping, or renews it. Rejects only when the signal aborts. */
  map(request: MappingRequest, signal: AbortSignal): Promise<GrantedMapping | FailedMapping>
  /** As well as it can be done. Rejects only when the signal aborts. */
  unmap(mapped: Omit<MappingRequest, 'lifetimeSeconds'>, signal: AbortSignal): Promise<void>
}

export function failed(reason: MappingFailure, message: string): FailedMapping {
  return { kind: 'failed', reason, message }
}
