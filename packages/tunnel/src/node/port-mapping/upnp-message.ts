import type { Gateway } from './port-mapper.ts'
import { ownUrl } from './ssdp.ts'

/** The service of a router that maps ports, and where it is called. */
export interface WanService {
  readonly type: string
  readonly controlUrl: URL
}

/** Of UPnP IGD:1 and IGD:2, and of dial-up lines; what is called here is the same in all of them. */
const SERVICE = /^urn:schemas-upnp-org:service:WAN(IP|PPP)Connection:[12]$/
const MAX_SERVICES = 50
const MAX_VALUE_LENGTH = 300

/**
 * Finds the service in a device description. Elements are looked for by their names, as the whole grammar of XML would be
 * more than a router's word deserves: a description that is written in another way yields nothing.
 *
 * @param description - at most 64 KiB
 * @see UPnP Device Architecture 1.1, section 2.3
 */
export function findWanService(description: string, location: URL, gateway: Gateway): WanService | undefined {
  const base = ownUrl(elementOf(description, 'URLBase') ?? '', gateway) ?? location
  for (const block of description.split('<service>').slice(1, MAX_SERVICES)) {
    const type = elementOf(block, 'serviceType') ?? ''
    const controlUrl = ownUrl(elementOf(block, 'controlURL') ?? '', gateway, base.href)
    if (SERVICE.test(type) && controlUrl !== undefined) return { type, controlUrl }
  }
  return undefined
}

/** A call of SOAP: the body to post. Values are this program's own, and need no escaping. */
export function encodeCall(type: string, action: string, values: Readonly<Record<string, string>>): string {
  const fields = Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`)
  return (
    '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${type}">${fields.join('')}</u:${action}></s:Body></s:Envelope>\r\n`
  )
}

/** The text of the first element of that name, without attributes; `undefined` without one, or with a long text. */
export function elementOf(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`)
  if (start === -1) return undefined
  const from = start + name.length + 2
  const end = xml.indexOf(`</${name}>`, from)
  if (end === -1 || end - from > MAX_VALUE_LENGTH) return undefined
  return xml.slice(from, end).trim().replaceAll('&amp;', '&')
}
