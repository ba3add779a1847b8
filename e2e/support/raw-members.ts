import { generateKeyPairSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabHost, Mesh } from '@edgeway/testbed'
import { runClient } from './program.ts'
import type { RawExchange, RawMessage } from './raw-exchange.ts'

const PROGRAM = new URL('raw-member.ts', import.meta.url)
const ENROLMENT = '/edgeway/enrolment/1.0.0'
const REGISTRY = '/edgeway/registry/2.0.0'
/** In DER, before the 32 bytes of the private and the public half. @see RFC 8410 */
const DER_PREFIX_BYTES = { private: 16, public: 12 }
/** Of a key file: its type, and the length of both halves. */
const KEY_FILE_PREFIX = Buffer.from('08011240', 'hex')

/** What an agent of the first version says to a tunnel server. */
export const FORMER_JOIN: RawExchange = {
  protocol: '/edgeway/registry/1.0.0',
  send: [{ type: 'join', version: 1, node: 'old', secret: 'A'.repeat(43), addresses: [] }],
  until: 'refused',
}

/** Says things to the tunnel server that no agent says, with a key of its own. */
export class RawMember {
  readonly #host: LabHost
  readonly #args: readonly [server: string, keyFile: string]

  private constructor(host: LabHost, args: readonly [string, string]) {
    this.#host = host
    this.#args = args
  }

  static async create(mesh: Mesh, host: LabHost): Promise<RawMember> {
    const folder = join(mesh.lab.logFolder, 'raw')
    await mkdir(folder, { recursive: true })
    const keyFile = join(folder, 'key')
    await writeFile(keyFile, newKeyFile())
    return new RawMember(host, [`/ip4/${mesh.server.host.address}/tcp/20006`, keyFile])
  }

  /** @returns the last message that came back, for each exchange */
  async say(...exchanges: readonly RawExchange[]): Promise<readonly (RawMessage | undefined)[]> {
    const program = { file: PROGRAM, args: [...this.#args, JSON.stringify(exchanges)] }
    const answers = await runClient<readonly (readonly RawMessage[])[]>(this.#host, program)
    return answers.map((messages) => messages.at(-1))
  }
}

/** One request for a certificate. */
export function enrolment(request: RawMessage): RawExchange {
  return { protocol: ENROLMENT, send: [{ type: 'hello', version: 2 }, request], until: 'enrolled' }
}

/** What is said to the registry after that certificate was shown. */
export function registry(certificate: string, ...messages: readonly RawMessage[]): RawExchange {
  const hello = { type: 'hello', version: 2, certificate, bundleSerial: 0, instance: 'raw' }
  const until = messages.some(({ type }) => type === 'lookup') ? 'found' : 'refused'
  return { protocol: REGISTRY, send: [hello, ...messages], until }
}

/** An Ed25519 key as agents keep it. @see https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md */
function newKeyFile(): Buffer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(DER_PREFIX_BYTES.private)
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(DER_PREFIX_BYTES.public)
  return Buffer.concat([KEY_FILE_PREFIX, seed, point])
}
