import { connect, isIPv6, type Socket } from 'node:net'
import { ProtocolError } from '../../errors.ts'
import type { Mapping } from '../../nat-type.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  type CallBackOutcome,
  decodeReflectionMessage,
  encodeReflectionMessage,
  REFLECTION_FRAMES,
  type ReflectionMessage,
} from '../../protocol/reflection.ts'
import { cutSocket, plainIp } from '../../sockets.ts'

/** One connection to a reflector. It keeps the NAT's mapping until it is disposed of, or the reflector's time is up. */
export class ReflectorConnection implements Disposable {
  readonly #socket: Socket

  /** @param localPort - the port of this host that it comes from; 0 for a fresh one */
  constructor({ ip, port }: Mapping, localPort: number) {
    this.#socket = connect({ host: ip, port, localAddress: anyAddressFor(ip), localPort })
    // Who waits for something is told; what comes later changes nothing.
    this.#socket.on('error', () => {})
  }

  /** The port of this host that it comes from, as soon as it has one; 0 when it gets none. */
  async localPort(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.once('connectionAttempt', () => resolve())
    this.#socket.once('close', () => resolve())
    await promise
    return this.#socket.localPort ?? 0
  }

  /** The IP address of this host that it comes from, while it stands. */
  get localIp(): string {
    return plainIp(this.#socket.localAddress ?? '')
  }

  /** Where the reflector sees it come from. Rejects when that is not told. */
  async mapping(signal: AbortSignal): Promise<Mapping> {
    return (await this.#read('you', signal)).mapping
  }

  /** What came of a connection from another port of the reflector. To be asked once. Rejects when that is not told. */
  async callBack(signal: AbortSignal): Promise<CallBackOutcome> {
    this.#socket.write(encodeReflectionMessage({ type: 'call-back' }))
    return (await this.#read('called-back', signal)).outcome
  }

  [Symbol.dispose](): void {
    cutSocket(this.#socket)
  }

  async #read<Type extends ReflectionMessage['type']>(
    type: Type,
    signal: AbortSignal,
  ): Promise<Extract<ReflectionMessage, { type: Type }>> {
    const frame = await readFrame(this.#socket, REFLECTION_FRAMES, signal)
    if (frame === undefined) throw new ProtocolError('the reflector has closed the connection')
    const message = decodeReflectionMessage(frame)
    if (isOfType(message, type)) return message
    throw new ProtocolError(`expected ${type}, not ${message.type}`)
  }
}

/** Any address of this host, of the family of that one. */
export function anyAddressFor(ip: string): string {
  return isIPv6(ip) ? '::' : '0.0.0.0'
}

function isOfType<Type extends ReflectionMessage['type']>(
  message: ReflectionMessage,
  type: Type,
): message is Extract<ReflectionMessage, { type: Type }> {
  return message.type === type
}
