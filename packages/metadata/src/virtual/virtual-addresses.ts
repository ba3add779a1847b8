import type {
  IpFamily,
  Logger,
  Metrics,
  NodeDirectory,
  NodeName,
  ServiceDirectory,
  ServicePortName,
} from '@edgeway/core'
import type { OfflineStore } from '../store/offline-store.ts'
import { AddressBook, type AddressBookStatus } from './address-book.ts'
import { CallableServices } from './callable-services.ts'
import { HeadlessServices } from './headless-services.ts'
import { NamedServices } from './named-services.ts'
import type { VirtualAddressOptions } from './options.ts'

export interface VirtualAddressesDeps {
  readonly services: ServiceDirectory
  readonly nodes: NodeDirectory
  readonly nodeName: NodeName
  /** Where addresses are kept over a restart; without, hashes give nearly all of them again. */
  readonly store: Pick<OfflineStore, 'take' | 'note'> | undefined
  readonly logger: Logger
  readonly metrics: Metrics
}

const MAX_EXPIRY_INTERVAL_MS = 3_600_000

/** Gives endpoints of headless Services on other sites addresses by which pods of this node call them. */
export class VirtualAddresses implements Disposable {
  /** With a ServicePort for each of these addresses, for those who carry connections. */
  readonly services: ServiceDirectory
  /** With these addresses in place of the endpoints' own, for those who answer names. */
  readonly names: ServiceDirectory
  readonly #deps: VirtualAddressesDeps
  readonly #book: AddressBook
  readonly #headless: HeadlessServices
  readonly #overlaps: Disposable
  readonly #saidOverlap = new Set<IpFamily>()
  readonly #expiry: NodeJS.Timeout
  readonly #stop = new AbortController()

  /** @throws {AddressRangeError} when a range can't be used */
  constructor(options: VirtualAddressOptions, deps: VirtualAddressesDeps) {
    const { services } = deps
    this.#deps = deps
    this.#book = new AddressBook(options, { ...deps, now: Date.now })
    this.#headless = new HeadlessServices({ ...deps, book: this.#book })
    this.services = new CallableServices(services, this.#headless)
    this.names = new NamedServices(services, this.#headless)
    this.#overlaps = services.watch((name) => this.#lookForOverlap(name))
    const intervalMs = Math.min(options.retentionSeconds * 1_000, MAX_EXPIRY_INTERVAL_MS)
    this.#expiry = setInterval(() => this.#expire(), intervalMs).unref()
    // What nobody needs any more since the last start counts from then on.
    services.whenLoaded(this.#stop.signal).then(
      () => this.#expire(),
      () => {},
    )
  }

  /** For /statusz. */
  get status(): Readonly<Partial<Record<IpFamily, AddressBookStatus>>> {
    return this.#book.status
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
    clearInterval(this.#expiry)
    this.#overlaps[Symbol.dispose]()
    this.#headless[Symbol.dispose]()
  }

  /** Before the directory was loaded, absence means nothing. */
  #expire(): void {
    if (!this.#deps.services.loaded) return
    this.#book.expire()
    this.#headless.refreshTouched()
  }

  #lookForOverlap(name: ServicePortName): void {
    const { services, logger } = this.#deps
    for (const range of this.#book.ranges) {
      if (this.#saidOverlap.has(range.family)) continue
      const ips = [
        ...(services.servicePort(name)?.clusterIps ?? []),
        ...services.endpoints(name).map(({ ip }) => ip),
      ]
      const address = ips.find((ip) => range.contains(ip))
      if (address === undefined) continue
      this.#saidOverlap.add(range.family)
      logger.warn('the cluster uses addresses of the range for virtual ones: configure another range', {
        range: range.text,
        address,
        service: name,
      })
    }
  }
}
