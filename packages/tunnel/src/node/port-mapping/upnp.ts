import { randomInt } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { localAddressTo } from './datagrams.ts'
import { httpCall } from './http-call.ts'
import {
  type FailedMapping,
  failed,
  type Gateway,
  type GrantedMapping,
  type MappingRequest,
  type PortMapper,
} from './port-mapper.ts'
import { findDescription } from './ssdp.ts'
import { elementOf, encodeCall, findWanService, type WanService } from './upnp-message.ts'

type Answer = { readonly kind: 'done'; readonly text: string } | Fault
interface Fault {
  readonly kind: 'fault'
  /** Of UPnP IGD; 0 where the router names none. */
  readonly code: number
  readonly message: string
}

/** @see UPnP IGD, WANIPConnection:2, section 2.5.16.4 */
const CONFLICT = 718
const ONLY_PERMANENT = 725
/** Of ports that belong to nobody by registration. @see RFC 6335, section 6 */
const DYNAMIC_PORTS = { from: 49_152, to: 65_536 }
const PORT_TRIES = 4

/** By the Internet Gateway Device protocol of UPnP, versions 1 and 2. */
export class Upnp implements PortMapper {
  readonly protocol = 'upnp'
  readonly #gateway: Gateway
  /** Where it was found; looked for anew after it failed. */
  #service: WanService | undefined

  constructor(gateway: Gateway) {
    this.#gateway = gateway
  }

  async map(request: MappingRequest, signal: AbortSignal): Promise<GrantedMapping | FailedMapping> {
    const known = this.#service
    const answer = await this.#map(request, signal)
    if (answer.kind === 'mapped') return answer
    this.#service = undefined
    // It may have restarted, and serve at another port.
    return known === undefined ? answer : await this.#map(request, signal)
  }

  async unmap({ externalPort }: { readonly externalPort: number }, signal: AbortSignal): Promise<void> {
    const values = { NewRemoteHost: '', NewExternalPort: String(externalPort), NewProtocol: 'TCP' }
    if (this.#service !== undefined)
      await this.#call(this.#service, { action: 'DeletePortMapping', values, signal })
  }

  async #map(request: MappingRequest, signal: AbortSignal): Promise<GrantedMapping | FailedMapping> {
    const localAddress = await localAddressTo(this.#gateway)
    if (localAddress === undefined) return failed('no-gateway', `no way to ${this.#gateway.ip}`)
    this.#service ??= await this.#find(localAddress, signal)
    const service = this.#service
    if (service === undefined) return failed('no-answer', 'UPnP: no gateway device answered')
    const address = await this.#call(service, { action: 'GetExternalIPAddress', values: {}, signal })
    if (address.kind === 'fault') return failureOf(address)
    const ip = elementOf(address.text, 'NewExternalIPAddress') ?? ''
    if (!isIPv4(ip)) return failed('bad-answer', 'UPnP: no external IPv4 address in the answer')
    const granted = await this.#add(service, { ...request, localAddress, signal })
    return granted.kind === 'fault'
      ? failureOf(granted)
      : { ...granted, external: { ip, port: granted.port } }
  }

  /** Another external port where somebody else has the wanted one; no end of it where the router knows of none. */
  async #add(
    service: WanService,
    wanted: MappingRequest & { readonly localAddress: string; readonly signal: AbortSignal },
  ): Promise<{ kind: 'mapped'; port: number; lifetimeSeconds: number } | Fault> {
    let { externalPort: port, lifetimeSeconds } = wanted
    for (let tries = 1; ; tries++) {
      const answer = await this.#call(service, {
        action: 'AddPortMapping',
        values: {
          ...{ NewRemoteHost: '', NewExternalPort: String(port), NewProtocol: 'TCP' },
          ...{ NewInternalPort: String(wanted.internalPort), NewInternalClient: wanted.localAddress },
          ...{ NewEnabled: '1', NewPortMappingDescription: 'edgeway' },
          NewLeaseDuration: String(lifetimeSeconds),
        },
        signal: wanted.signal,
      })
      if (answer.kind === 'done') return { kind: 'mapped', port, lifetimeSeconds }
      if (tries === PORT_TRIES) return answer
      if (answer.code === CONFLICT) port = randomInt(DYNAMIC_PORTS.from, DYNAMIC_PORTS.to)
      else if (answer.code === ONLY_PERMANENT) lifetimeSeconds = 0
      else return answer
    }
  }

  async #find(localAddress: string, signal: AbortSignal): Promise<WanService | undefined> {
    const location = await findDescription(this.#gateway, localAddress, signal)
    if (location === undefined) return undefined
    const description = await httpCall(location, { method: 'GET', signal })
    if (description?.status !== 200) return undefined
    return findWanService(description.text, location, this.#gateway)
  }

  async #call(
    { type, controlUrl }: WanService,
    call: {
      readonly action: string
      readonly values: Readonly<Record<string, string>>
      readonly signal: AbortSignal
    },
  ): Promise<Answer> {
    const { action, values, signal } = call
    const body = encodeCall(type, action, values)
    const answer = await httpCall(controlUrl, {
      method: 'POST',
      headers: {
        ...{ 'content-type': 'text/xml; charset="utf-8"', soapaction: `"${type}#${action}"` },
        'content-length': String(Buffer.byteLength(body)),
      },
      ...{ body, signal },
    })
    if (answer === undefined) return { kind: 'fault', code: 0, message: `no answer to ${action}` }
    if (answer.status === 200) return { kind: 'done', text: answer.text }
    const code = Number(elementOf(answer.text, 'errorCode') ?? 0)
    const description = elementOf(answer.text, 'errorDescription') ?? `HTTP ${answer.status}`
    return { kind: 'fault', code, message: `${action}: ${description} (${code})` }
  }
}

function failureOf({ code, message }: Fault): FailedMapping {
  return failed(code === 0 ? 'no-answer' : 'refused', `UPnP: ${message}`)
}
