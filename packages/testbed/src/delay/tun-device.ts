import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'

/** Of linux/if_tun.h. */
const TUNSETIFF = 0x400454ca
const IFF_TUN = 0x0001
const IFF_NO_PI = 0x1000
const IFREQ_BYTES = 40
const FLAGS_OFFSET = 16

/** Packets without link layer: a read is one that the kernel routed into the device, a write one that comes out of it. */
export interface TunDevice extends Disposable {
  readonly descriptor: number
}

/**
 * Makes a TUN device that goes with this process. It needs an address or a route, and to be set up.
 *
 * @throws {Error} without CAP_NET_ADMIN or /dev/net/tun
 */
export function openTun(name: string): TunDevice {
  const descriptor = openSync('/dev/net/tun', 'r+')
  const request = Buffer.alloc(IFREQ_BYTES)
  request.write(name, 0, 'ascii')
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, FLAGS_OFFSET)
  const ioctl = koffi.load('libc.so.6').func('int ioctl(int fd, unsigned long request, void *argument)')
  if (ioctl(descriptor, TUNSETIFF, request) !== 0) {
    closeSync(descriptor)
    throw new Error(`the kernel refused the TUN device ${name}`)
  }
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) }
}
