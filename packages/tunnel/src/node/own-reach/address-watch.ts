import { InterfaceReader, type Interfaces } from './interfaces.ts'

export interface AddressChange {
  readonly came: ReadonlySet<string>
  readonly gone: ReadonlySet<string>
}

/** A look costs less than 1 ms. */
const POLL_MS = 1_000

/**
 * Notices when the IP addresses of this host change: DHCP gave another one, a cable was pulled, a VPN came up. Link-local
 * addresses don't count: each pod's interface brings one.
 */
export class AddressWatch implements Disposable {
  readonly #changed: (change: AddressChange) => void
  readonly #interfaces: InterfaceReader
  readonly #timer: NodeJS.Timeout
  #known: ReadonlySet<string>

  constructor(changed: (change: AddressChange) => void, interfaces?: () => Interfaces) {
    this.#changed = changed
    this.#interfaces = new InterfaceReader(interfaces)
    this.#known = addressesOf(this.#interfaces.read())
    this.#timer = setInterval(() => this.#look(), POLL_MS)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = addressesOf(this.#interfaces.read())
    const came = now.difference(this.#known)
    const gone = this.#known.difference(now)
    this.#known = now
    if (came.size > 0 || gone.size > 0) this.#changed({ came, gone })
  }
}

function addressesOf(interfaces: Interfaces): Set<string> {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? [])
  return new Set(all.map(({ address }) => address).filter((address) => !isLinkLocal(address)))
}

/** @see RFC 3927 and RFC 4291, section 2.5.6 */
function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address)
}
