import type { Multiaddr } from '@multiformats/multiaddr'
import { ProtocolError } from '../../errors.ts'
import type { StreamDuplex } from '../../host/stream-duplex.ts'
import type { Membership } from '../../identity/membership.ts'
import type { Trust } from '../../identity/trust.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodeRegistryMessage,
  HELLO_FRAMES,
  type Hello,
  REGISTRY_VERSION,
  type RegistryRefusal,
} from '../../protocol/registry.ts'

/** What a peer said first; a sentence where that was no hello. Rejects when it is gone or silent. */
export async function readHello(stream: StreamDuplex, timeoutMs: number): Promise<Hello | string> {
  try {
    const frame = await readFrame(stream, HELLO_FRAMES, AbortSignal.timeout(timeoutMs))
    const message = frame === undefined ? undefined : decodeRegistryMessage(frame)
    return message?.type === 'hello' ? message : 'the first message must be hello'
  } catch (error) {
    if (error instanceof ProtocolError) return error.message
    throw error
  }
}

export type HelloVerdict =
  | (Pick<Hello, 'certificate' | 'instance' | 'bundleSerial'> & {
      readonly kind: 'member'
      readonly membership: Membership
    })
  | { readonly kind: 'refused'; readonly reason: RegistryRefusal; readonly message: string }

/** Whether somebody gets a session. @param peerId - proven by the connection */
export function judgeHello(hello: Hello | string, peerId: string, trust: Pick<Trust, 'judge'>): HelloVerdict {
  if (typeof hello === 'string') return { kind: 'refused', reason: 'bad-request', message: hello }
  const { version, certificate, instance, bundleSerial } = hello
  if (version !== REGISTRY_VERSION) {
    const message = `registry version ${version} is unknown, this server has ${REGISTRY_VERSION}`
    return { kind: 'refused', reason: 'unsupported-version', message }
  }
  const verdict = trust.judge(certificate, { peerId })
  return verdict.kind === 'refused' ? verdict : { ...verdict, certificate, instance, bundleSerial }
}

/** Why a session is not to be, or is to end. */
export interface SessionRefusal {
  readonly reason: RegistryRefusal
  readonly message: string
}

/**
 * One process on two connections. An agent comes anew, and so may a server; where two servers have dialled each other, both
 * keep the connection that the one with the lesser PeerId made.
 *
 * @returns why the newer one is not to be; `undefined` where it is to replace the former one
 */
export function judgeSecondConnection(
  former: { readonly peerId: string; readonly isServer: boolean; readonly isDialled: boolean },
  newer: { readonly isDialled: boolean },
  ownPeerId: string,
): SessionRefusal | undefined {
  const isCrossed = former.isServer && former.isDialled !== newer.isDialled
  const isOursKept = ownPeerId < former.peerId
  if (!isCrossed || newer.isDialled === isOursKept) return undefined
  return { reason: 'duplicate', message: 'there is a session between these servers already' }
}

/** The IP that a connection comes from; an IPv4 one as such, also where the listener is of IPv6. */
export function observedIp(remoteAddr: Multiaddr): string {
  const [host] = remoteAddr.getComponents()
  const ip = host?.value ?? ''
  const mapped = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(ip)
  if (mapped === null) return ip
  const [, dotted, high = '0', low = '0'] = mapped
  if (dotted !== undefined) return dotted
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16BE(Number.parseInt(high, 16), 0)
  bytes.writeUInt16BE(Number.parseInt(low, 16), 2)
  return bytes.join('.')
}
