import type { ListenerAddress } from '@edgeway/core'

/** Address and port, IPv6 in brackets. */
export function formatClient({ ip, port }: ListenerAddress): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}
