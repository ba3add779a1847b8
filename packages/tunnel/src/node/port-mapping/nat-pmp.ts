import { exchange, type UdpServer } from './datagrams.ts'
import {
  encodeAddressRequest,
  encodeMapRequest,
  NAT_PMP_PORT,
  type NatPmpAnswer,
  type NatPmpMap,
  parseAddressAnswer,
  parseMapAnswer,
} from './nat-pmp-message.ts'
import {
  type FailedMapping,
  failed,
  type Gateway,
  type GrantedMapping,
  type MappingRequest,
  type PortMapper,
} from './port-mapper.ts'

/** By NAT Port Mapping Protocol. @see RFC 6886 */
export class NatPmp implements PortMapper {
  readonly protocol = 'nat-pmp'
  readonly #server: UdpServer

  constructor({ ip }: Gateway, port = NAT_PMP_PORT) {
    this.#server = { ip, port }
  }

  async map(request: MappingRequest, signal: AbortSignal): Promise<GrantedMapping | FailedMapping> {
    const address = await exchange(this.#server, {
      ...{ message: encodeAddressRequest(), parse: parseAddressAnswer, signal },
    })
    if (address?.kind !== 'granted') return failureOf(address)
    const mapped = await this.#ask(request, signal)
    if (mapped?.kind !== 'granted') return failureOf(mapped)
    const { externalPort, lifetimeSeconds } = mapped
    if (externalPort === 0 || lifetimeSeconds === 0) {
      return failed('bad-answer', `NAT-PMP: external port ${externalPort} for ${lifetimeSeconds} s`)
    }
    return { kind: 'mapped', external: { ip: address.ip, port: externalPort }, lifetimeSeconds }
  }

  async unmap({ internalPort }: { readonly internalPort: number }, signal: AbortSignal): Promise<void> {
    await this.#ask({ internalPort, externalPort: 0, lifetimeSeconds: 0 }, signal)
  }

  async #ask(request: MappingRequest, signal: AbortSignal): Promise<NatPmpAnswer<NatPmpMap> | undefined> {
    return await exchange(this.#server, {
      message: encodeMapRequest(request),
      parse: (message) => parseMapAnswer(message, request.internalPort),
      signal,
    })
  }
}

function failureOf(answer: NatPmpAnswer<unknown> | undefined): FailedMapping {
  if (answer?.kind === 'refused') return failed('refused', `NAT-PMP: ${answer.message}`)
  return failed('no-answer', 'NAT-PMP: no answer')
}
