import type { Endpoint, Service, ServiceDirectory } from '@edgeway/core'

/** A ServiceDirectory, empty and not loaded at first, with a way to fill it. */
export interface ServiceDirectoryUnderTest {
  readonly directory: ServiceDirectory
  /** Adds or replaces a Service; `endpoints`, if given, replace those of its first port. */
  set(service: Service, endpoints?: readonly Endpoint[]): void
  delete(namespace: string, name: string): void
  load(): void
}

/** What holds, in words, and how it is tried on a directory of its own. */
export type ServiceDirectoryCase = readonly [
  title: string,
  run: (under: ServiceDirectoryUnderTest) => void | Promise<void>,
]
