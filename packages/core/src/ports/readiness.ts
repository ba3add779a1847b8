/** One condition that must hold before the process is ready, e.g. `rules-loaded`. Shut at first. */
export interface ReadinessGate {
  open(): void
  /** @param reason - a short sentence: why it is shut, shown by /readyz */
  shut(reason: string): void
}

export interface Readiness {
  /** Adds a gate, shut until its owner opens it. */
  gate(name: string): ReadinessGate
}
