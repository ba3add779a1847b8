import type { Mapping, NatMapping } from '../../nat-type.ts'
import { ReflectorConnection } from './reflector-connection.ts'
import type { ReflectorAddress, ReflectorPlace } from './resolve-reflectors.ts'

/** What a reflector has said. */
export interface Answer {
  readonly reflector: ReflectorAddress
  readonly connection: ReflectorConnection
  /** Where the connection comes from, as this host sees it, */
  readonly local: Mapping
  /** and as the reflector does. */
  readonly mapping: Mapping
}

interface Asking {
  /** Gets all connections, those without an answer, too. */
  readonly connections: DisposableStack
  readonly signal: AbortSignal
}

/** Nobody has answered for so long: nobody will. Three attempts of TCP fit in, whatever the round-trip time is. */
const FIRST_ANSWER_MS = 8_000
/** One has answered; another one has at least that long since they were asked, */
const MIN_NEXT_ANSWER_MS = 2_000
/** or so many times as long as the first one took. */
const NEXT_ANSWER_FACTOR = 4

/**
 * Asks reflectors from one fresh port of this host. They share it by SO_REUSEADDR, which libuv sets on each socket that is
 * bound before it connects. Never rejects.
 *
 * @returns the answers that came in time, in the order of `places`
 */
export async function askFromOnePort(
  places: readonly ReflectorPlace[],
  { connections, signal }: Asking,
): Promise<readonly Answer[]> {
  using patience = new Patience(signal)
  const asked: Promise<Answer | undefined>[] = []
  let localPort = 0
  for (const { reflector, ...place } of places) {
    const connection = connections.use(new ReflectorConnection(place, localPort))
    localPort = await connection.localPort()
    asked.push(ask({ reflector, connection, localPort }, patience))
  }
  return (await Promise.all(asked)).filter((answer) => answer !== undefined)
}

async function ask(
  { localPort, ...to }: Pick<Answer, 'reflector' | 'connection'> & { readonly localPort: number },
  patience: Patience,
): Promise<Answer | undefined> {
  try {
    const mapping = await to.connection.mapping(patience.signal)
    patience.answered()
    return { ...to, mapping, local: { ip: to.connection.localIp, port: localPort } }
  } catch {
    // It is away, or none: the other one may answer.
    return undefined
  }
}

/** How long reflectors that were asked together are waited for: the first answer tells how far away they are. */
class Patience implements Disposable {
  readonly #limit = new AbortController()
  readonly #since = performance.now()
  readonly signal: AbortSignal
  #timer: NodeJS.Timeout

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#limit.signal])
    this.#timer = this.#endIn(FIRST_ANSWER_MS)
  }

  answered(): void {
    const elapsedMs = performance.now() - this.#since
    clearTimeout(this.#timer)
    this.#timer = this.#endIn(Math.max(MIN_NEXT_ANSWER_MS, elapsedMs * NEXT_ANSWER_FACTOR) - elapsedMs)
  }

  #endIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#limit.abort(), ms)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

/** What a NAT has done to connections from one port of this host to different reflectors. */
export function natMappingOf(seen: readonly Pick<Answer, 'local' | 'mapping'>[]): NatMapping {
  const [first, ...others] = seen
  if (first === undefined) return 'unknown'
  if (seen.every(({ local, mapping }) => isSame(local, mapping))) return 'none'
  if (others.some(({ mapping }) => !isSame(mapping, first.mapping))) return 'symmetric'
  return others.length > 0 ? 'endpoint-independent' : 'unknown'
}

function isSame(a: Mapping, b: Mapping): boolean {
  return a.ip === b.ip && a.port === b.port
}
