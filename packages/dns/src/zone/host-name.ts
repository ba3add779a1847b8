import type { Endpoint } from '@edgeway/core'
import { isEncodableLabel } from '../message.ts'
import { lowerCaseAscii } from '../wire/ascii-case.ts'

/** The name of an endpoint below its Service's, in lower case: its own, else its address with dashes. */
export function hostNameOf({ hostname, ip }: Pick<Endpoint, 'hostname' | 'ip'>): string {
  return hostname !== undefined && isEncodableLabel(hostname) ? lowerCaseAscii(hostname) : dashedIp(ip)
}

/** `10-1-0-7`, `fd00--7`; a zero where it would begin or end with a dash, which no host name does (RFC 1123). */
function dashedIp(ip: string): string {
  return ip.replaceAll(/[.:]/g, '-').replace(/^-/, '0-').replace(/-$/, '-0')
}
