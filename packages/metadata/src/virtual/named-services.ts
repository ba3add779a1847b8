import type { Endpoint, ServiceDirectory, ServicePortName } from '@edgeway/core'
import { DirectoryView } from './directory-view.ts'
import type { HeadlessServices } from './headless-services.ts'

/**
 * The directory for those who answer names: endpoints of headless Services that are not reached by their own address have
 * their virtual one.
 */
export class NamedServices extends DirectoryView {
  readonly #headless: HeadlessServices

  constructor(directory: ServiceDirectory, headless: HeadlessServices) {
    super(directory)
    this.#headless = headless
  }

  override endpoints(name: ServicePortName): readonly Endpoint[] {
    return this.#headless.namedEndpoints(name) ?? this.directory.endpoints(name)
  }

  override watch(listener: (changed: ServicePortName) => void): Disposable {
    return this.#headless.nameChanges.watch(listener)
  }
}
