/**
 * How a call travels: to a pod of the same node, over the cluster's own network, to a peer on the same LAN, to a
 * peer with a reachable public address, through a hole punched in both NATs, or through a tunnel server.
 */
export const PATHS = ['local', 'routed', 'lan', 'direct', 'punched', 'relayed'] as const

export type Path = (typeof PATHS)[number]
