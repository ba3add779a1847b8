import { NoReflectorError } from '../../errors.ts'
import type { Mapping, NatMapping } from '../../nat-type.ts'
import type { CallBackOutcome } from '../../protocol/reflection.ts'
import { type Answer, askFromOnePort, natMappingOf } from './ask-from-one-port.ts'
import { anyAddressFor } from './reflector-connection.ts'
import { type ReflectorAddress, resolveReflectors } from './resolve-reflectors.ts'

export type { ReflectorAddress } from './resolve-reflectors.ts'

/** What reflectors say of one fresh port of this host. The connections to them are open until it is disposed of. */
export interface Reflection extends Disposable {
  readonly localPort: number
  readonly mapping: Mapping
  readonly natMapping: NatMapping
}

/** A reflection of which more can be asked. */
export interface OpenReflection extends Reflection {
  /** Any address of this host, of the family that was used. */
  readonly localHost: string
  /** Those that have answered. */
  readonly answered: readonly ReflectorAddress[]
  /** What comes of a connection from another port of a reflector. To be asked once. Rejects when that is not told. */
  callBack(signal: AbortSignal): Promise<CallBackOutcome>
}

/**
 * Asks two reflectors from one fresh local port, over IPv4 where that leads to one: that is what has NATs. The connections
 * stay open until it is disposed of, since the NAT keeps the mapping so long (RFC 5382, section 5), but not for longer than
 * the reflectors' time, 20 s.
 *
 * @throws {NoReflectorError} when none answers. Rejects with the signal's reason when that aborts first.
 */
export async function reflect(
  reflectors: readonly ReflectorAddress[],
  signal: AbortSignal,
): Promise<Reflection> {
  return await openReflection(reflectors, signal)
}

/** As `reflect`. */
export async function openReflection(
  reflectors: readonly ReflectorAddress[],
  signal: AbortSignal,
): Promise<OpenReflection> {
  for (const places of await resolveReflectors(reflectors, signal)) {
    using connections = new DisposableStack()
    const answers = await askFromOnePort(places, { connections, signal })
    signal.throwIfAborted()
    const [first] = answers
    if (first !== undefined) return reflectionOf(first, answers, connections.move())
  }
  throw new NoReflectorError(reflectors.map(({ host, port }) => `${host} port ${port}`))
}

function reflectionOf(
  first: Answer,
  answers: readonly Answer[],
  connections: DisposableStack,
): OpenReflection {
  const { mapping, local, connection } = first
  return {
    ...{ localPort: local.port, localHost: anyAddressFor(local.ip), mapping },
    natMapping: natMappingOf(answers),
    answered: answers.map(({ reflector }) => reflector),
    callBack: (signal) => connection.callBack(signal),
    [Symbol.dispose]: () => connections.dispose(),
  }
}
