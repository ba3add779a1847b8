/** KubeEdge releases whose MetaServer the double can be: each up to the next, `master` as of August 2026. */
export const COMPATS = ['v1.22', 'v1.23', 'master'] as const

export type Compat = (typeof COMPATS)[number]

/** What is no fault but differs between releases. */
export interface CompatTraits {
  /** `sendInitialEvents=true` is answered with 422; later releases accept it and never say that it ended. */
  readonly refusesInitialEvents: boolean
  /** Discovery and OpenAPI are passed through, and open to anonymous clients in secure mode. */
  readonly servesDiscovery: boolean
}

export function traitsOf(compat: Compat): CompatTraits {
  return { refusesInitialEvents: compat === 'v1.22', servesDiscovery: compat !== 'v1.22' }
}
