import { randomUUID } from 'node:crypto'
import type { NodeName } from '@edgeway/core'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { parseHostPort } from '../../src/addresses.ts'
import { type AgentHost, startAgentHost } from '../../src/host/host.ts'
import { StreamDuplex } from '../../src/host/stream-duplex.ts'
import { signerOf } from '../../src/identity/signed-document.ts'
import { UNKNOWN_NAT } from '../../src/nat-type.ts'
import {
  decodeEnrolmentAnswer,
  ENROLMENT_ANSWER_FRAMES,
  ENROLMENT_PROTOCOL,
  ENROLMENT_VERSION,
  type EnrolmentAnswer,
  type EnrolmentRequest,
  encodeEnrolmentRequest,
} from '../../src/protocol/enrolment.ts'
import { readFrame } from '../../src/protocol/frames.ts'
import { recordKey, versionOf } from '../../src/protocol/record-version.ts'
import {
  decodeRegistryMessage,
  encodeRegistryMessage,
  type Hello,
  REGISTRY_FRAMES,
  REGISTRY_PROTOCOL,
  REGISTRY_VERSION,
  type RegistryMessage,
} from '../../src/protocol/registry.ts'
import { type PeerRecord, type PeerRecordFields, signPeerRecord } from '../../src/records/peer-record.ts'
import { until } from './server-mesh.ts'

const never = new AbortController().signal

type MessageOf<Type extends RegistryMessage['type']> = Extract<RegistryMessage, { readonly type: Type }>

/** An agent whose side of the protocols the test speaks. */
export class TestAgent implements AsyncDisposable {
  readonly node: NodeName
  readonly key: PrivateKey
  readonly host: AgentHost
  readonly instance = randomUUID()
  certificate = ''
  /** The last record that was made. */
  said: PeerRecord | undefined
  #seq = 0

  private constructor(node: string, key: PrivateKey, host: AgentHost) {
    this.node = node as NodeName
    this.key = key
    this.host = host
  }

  static async create(node: string, key?: PrivateKey): Promise<TestAgent> {
    const own = key ?? (await generateKeyPair('Ed25519'))
    const host = await startAgentHost({ key: own, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
    return new TestAgent(node, own, host)
  }

  get peerId(): string {
    return this.host.node.peerId.toString()
  }

  async connect({ address }: { readonly address: string }): Promise<Connection> {
    return await this.host.dial(parseHostPort(address), never)
  }

  /** Asks for a certificate, and keeps it. The first answer that is not `server` is returned. */
  async ask(
    server: { readonly address: string },
    request: EnrolmentRequest,
    version: number = ENROLMENT_VERSION,
  ): Promise<EnrolmentAnswer | undefined> {
    const connection = await this.connect(server)
    const stream = new StreamDuplex(await connection.newStream(ENROLMENT_PROTOCOL))
    stream.on('error', () => {})
    stream.write(encodeEnrolmentRequest({ type: 'hello', version }))
    const first = await readAnswer(stream)
    if (first?.type !== 'server') return first
    stream.write(encodeEnrolmentRequest(request))
    const answer = await readAnswer(stream)
    if (answer?.type === 'enrolled') this.certificate = answer.certificate
    stream.destroy()
    await connection.close()
    return answer
  }

  async enrol(server: { readonly address: string }, token: string): Promise<EnrolmentAnswer | undefined> {
    return await this.ask(server, { type: 'enrol', node: this.node, token, labels: {} })
  }

  async join(server: { readonly address: string }, hello: Partial<Hello> = {}): Promise<TestSession> {
    const connection = await this.connect(server)
    const stream = new StreamDuplex(await connection.newStream(REGISTRY_PROTOCOL))
    const session = new TestSession(connection, stream)
    const { certificate, instance } = this
    session.send({
      ...{ type: 'hello', version: REGISTRY_VERSION, certificate, bundleSerial: 0, instance, ...hello },
    })
    await until(
      () => session.has('welcome') || session.has('refused') || session.isEnded,
      'an answer to hello',
    )
    return session
  }

  /** A member with a session, whose record the server has. */
  async appear(server: { readonly address: string }, token: string): Promise<TestSession> {
    if (this.certificate === '') {
      const answer = await this.enrol(server, token)
      if (answer?.type !== 'enrolled') throw new Error(`not enrolled: ${JSON.stringify(answer)}`)
    }
    const session = await this.join(server)
    session.send({ type: 'records', records: [this.record().wire] })
    return session
  }

  /** What this agent says of itself, newer each time. */
  record(fields: Partial<PeerRecordFields> = {}): PeerRecord {
    const { certificate, instance } = this
    this.said = signPeerRecord(
      {
        ...{ epoch: 1_000, seq: this.#seq++, instance },
        ...{ lan: [], direct: [], egress: [], relays: [], nat: UNKNOWN_NAT },
        ...fields,
      },
      { certificate, signer: signerOf(this.key) },
    )
    return this.said
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop()
  }
}

/** One registry session, with all that came on it. */
export class TestSession {
  readonly connection: Connection
  readonly stream: StreamDuplex
  readonly received: RegistryMessage[] = []
  isEnded = false
  #isReading = true

  constructor(connection: Connection, stream: StreamDuplex) {
    this.connection = connection
    this.stream = stream
    stream.on('error', () => {})
    void this.#follow()
  }

  get isOpen(): boolean {
    return this.connection.status === 'open'
  }

  send(message: RegistryMessage): void {
    this.stream.write(encodeRegistryMessage(message))
  }

  all<Type extends RegistryMessage['type']>(type: Type): MessageOf<Type>[] {
    return this.received.filter((message): message is MessageOf<Type> => message.type === type)
  }

  has(type: RegistryMessage['type']): boolean {
    return this.all(type).length > 0
  }

  async first<Type extends RegistryMessage['type']>(type: Type): Promise<MessageOf<Type>> {
    await until(() => this.has(type), type)
    const [message] = this.all(type)
    if (message === undefined) throw new Error(`no ${type}`)
    return message
  }

  /** Whether it came, or was said to be there. */
  hasHeardOf(record: PeerRecord | undefined): boolean {
    if (record === undefined) return false
    const [key, version] = [recordKey(record.peerId), versionOf(record)]
    const isThere = this.all('have').some(({ entries }) =>
      entries.some((entry) => entry.key === key && entry.version === version),
    )
    return isThere || this.records.includes(record.wire.record)
  }

  /** The texts of all records that came. */
  get records(): string[] {
    return this.all('records').flatMap(({ records }) => records.map(({ record }) => record))
  }

  /** From now on nothing is taken off the connection's buffers. */
  stopReading(): void {
    this.#isReading = false
  }

  async ended(): Promise<void> {
    await until(() => !this.isOpen, 'the end of the session')
  }

  async #follow(): Promise<void> {
    try {
      while (this.#isReading) {
        const frame = await readFrame(this.stream, REGISTRY_FRAMES, never)
        if (frame === undefined) break
        const message = decodeRegistryMessage(frame)
        if (message !== undefined) this.received.push(message)
      }
    } catch {
      // Reset: it is over.
    }
    this.isEnded = this.#isReading
  }
}

async function readAnswer(stream: StreamDuplex): Promise<EnrolmentAnswer | undefined> {
  const frame = await readFrame(stream, ENROLMENT_ANSWER_FRAMES, never)
  return frame === undefined ? undefined : decodeEnrolmentAnswer(frame)
}
