import { type Endpoint, type EndpointAddress, formatEndpoint } from '@edgeway/core'

/** Which endpoints any ServicePort lists, with how many list them: an answer in constant time. */
export class EndpointIndex {
  readonly #counts = new Map<string, number>()

  has(endpoint: EndpointAddress): boolean {
    return this.#counts.has(formatEndpoint(endpoint))
  }

  replace(before: readonly Endpoint[], after: readonly Endpoint[]): void {
    for (const endpoint of after) this.#add(formatEndpoint(endpoint), 1)
    for (const endpoint of before) this.#add(formatEndpoint(endpoint), -1)
  }

  #add(key: string, change: 1 | -1): void {
    const count = (this.#counts.get(key) ?? 0) + change
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }
}
