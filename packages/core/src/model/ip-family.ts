export const IP_FAMILIES = ['IPv4', 'IPv6'] as const

export type IpFamily = (typeof IP_FAMILIES)[number]

/** @param ip - an IP address as text */
export function ipFamilyOf(ip: string): IpFamily {
  return ip.includes(':') ? 'IPv6' : 'IPv4'
}
