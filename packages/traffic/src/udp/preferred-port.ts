import { hash32 } from '../balance/hash32.ts'

/** Below the ports that the kernel chooses (net.ipv4.ip_local_port_range) and below node ports. */
const FIRST_PORT = 16_384
const LAST_PORT = 29_999

/**
 * The port that a listener asks for first: always the same for the same name, so that it outlives a restart of the agent.
 * Until then the kernel has the rules and connections of the process before, which must not lead to another ServicePort.
 */
export function preferredPort(name: string): number {
  return FIRST_PORT + (hash32(name) % (LAST_PORT - FIRST_PORT + 1))
}
