import {
  type EndpointAddress,
  type EndpointHealth,
  formatEndpoint,
  type HealthState,
  type ServicePortName,
} from '@edgeway/core'

/** An EndpointHealth that a test writes. */
export class FakeEndpointHealth implements EndpointHealth {
  readonly #states = new Map<string, HealthState>()
  readonly #listeners = new Set<(changed: ServicePortName) => void>()

  set(service: ServicePortName, endpoint: EndpointAddress, state: HealthState): void {
    this.#states.set(`${service} ${formatEndpoint(endpoint)}`, state)
    for (const listener of this.#listeners) listener(service)
  }

  state(service: ServicePortName, endpoint: EndpointAddress): HealthState {
    return this.#states.get(`${service} ${formatEndpoint(endpoint)}`) ?? 'healthy'
  }

  watch(listener: (changed: ServicePortName) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }
}
