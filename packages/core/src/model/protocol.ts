/** Transport protocols a ServicePort can have. SCTP is in Kubernetes' API but not in the mesh. */
export const PROTOCOLS = ['TCP', 'UDP'] as const

export type Protocol = (typeof PROTOCOLS)[number]
