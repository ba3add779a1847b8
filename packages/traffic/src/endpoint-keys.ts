import { type EndpointAddress, formatEndpoint } from '@edgeway/core'

/**
 * Keys of endpoints, as `formatEndpoint` has them, for hot paths: written once for each endpoint that the directory hands around, since
 * to write one costs more than what it is for. What is no longer used elsewhere is forgotten.
 */
export class EndpointKeys {
  readonly #known = new WeakMap<EndpointAddress, string>()

  of(endpoint: EndpointAddress): string {
    const known = this.#known.get(endpoint)
    if (known !== undefined) return known
    const key = formatEndpoint(endpoint)
    this.#known.set(endpoint, key)
    return key
  }
}
