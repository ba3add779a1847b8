import type { Connection } from '@libp2p/interface'
import {
  JoinTokenError,
  ProtocolError,
  ServerRefusalError,
  TrustError,
  UnsupportedProtocolError,
  UntrustedServerError,
} from '../../errors.ts'
import { endWith } from '../../host/linger.ts'
import type { StreamDuplex } from '../../host/stream-duplex.ts'
import type { JoinToken } from '../../identity/join-token.ts'
import type { MembershipVerdict } from '../../identity/membership.ts'
import { Trust } from '../../identity/trust.ts'
import {
  decodeEnrolmentAnswer,
  ENROLMENT_ANSWER_FRAMES,
  ENROLMENT_PROTOCOL,
  ENROLMENT_VERSION,
  type EnrolmentAnswer,
  type EnrolmentRefusal,
  type EnrolmentRequest,
  encodeEnrolmentRequest,
} from '../../protocol/enrolment.ts'
import { readFrame } from '../../protocol/frames.ts'
import { openStream } from '../early-stream.ts'
import type { UsableTokens } from './join-token-file.ts'
import type { NodeIdentity } from './node-identity.ts'
import { judgeServer, type ServerProof } from './server-proof.ts'

export interface EnrolmentDeps {
  readonly identity: NodeIdentity
  /** Kubernetes labels for the certificate. */
  readonly labels: Readonly<Record<string, string>>
  /** Read anew at each attempt. Rejects with a JoinTokenError where there is none. */
  readTokens(): Promise<UsableTokens>
  /** Ids of tokens that the server has refused: the others are tried first. */
  readonly refusedTokens: Set<string>
}

/** Refusals of the token, not of the node: another one may do. */
const ABOUT_TOKEN: readonly EnrolmentRefusal[] = [
  'wrong-token',
  'token-expired',
  'token-spent',
  'token-revoked',
  'token-for-another-node',
]

/** A server as it has proven itself, with the stream to ask it on. */
interface Proven {
  readonly stream: StreamDuplex
  readonly trust: Trust
}

/**
 * Gets this node a certificate by a join token. The server proves first that it is one of the token's cluster; no other
 * one sees the token.
 *
 * @throws {JoinTokenError} without a usable token
 * @throws {UntrustedServerError} when the server is not one of the cluster
 * @throws {ServerRefusalError} when it refuses; of several tokens, the next one is tried the next time
 */
export async function enrol(connection: Connection, signal: AbortSignal, deps: EnrolmentDeps): Promise<void> {
  const { tokens } = await deps.readTokens()
  const { identity, labels, refusedTokens } = deps
  const isUntried = ({ id }: JoinToken): boolean => !refusedTokens.has(id)
  if (!tokens.some(isUntried)) refusedTokens.clear()
  const token = tokens.find(isUntried)
  if (token === undefined) throw new JoinTokenError('there is no join token', { reason: 'no-token' })
  try {
    const prove = (server: OfferedProof): Trust => trustByToken(server, token, identity)
    const request = { type: 'enrol', node: identity.node, token: token.text, labels } as const
    await exchange(connection, signal, { identity, prove, request })
  } catch (error) {
    if (isAboutToken(error)) refusedTokens.add(token.id)
    throw error
  }
}

/**
 * Gets this node a new certificate by the one that it has.
 *
 * @throws {UntrustedServerError | ServerRefusalError} as `enrol`
 */
export async function renew(
  connection: Connection,
  signal: AbortSignal,
  { identity }: Pick<EnrolmentDeps, 'identity'>,
): Promise<void> {
  const { certificate, trust } = identity
  if (certificate === undefined || trust === undefined) throw new TypeError('there is nothing to renew')
  const prove = (server: OfferedProof): Trust => trustAlready(server, trust, identity)
  await exchange(connection, signal, { identity, prove, request: { type: 'renew', certificate } })
}

interface Exchange {
  readonly identity: NodeIdentity
  readonly request: EnrolmentRequest
  /** @throws {UntrustedServerError} */
  readonly prove: (server: OfferedProof) => Trust
}

interface OfferedProof extends ServerProof {
  /** Empty where it has none yet. */
  readonly bundle: string
}

async function exchange(
  connection: Connection,
  signal: AbortSignal,
  { identity, request, prove }: Exchange,
): Promise<void> {
  const stream = await openWithHello(connection, signal)
  try {
    const { trust } = await meet(connection, { stream, signal, prove })
    stream.write(encodeEnrolmentRequest(request))
    const { certificate, bundle } = await readAnswer(stream, 'enrolled', signal)
    adopt(trust, bundle)
    identity.take(certificate, trust)
    stream.end()
  } finally {
    stream.destroy()
  }
}

/** Along with the choice of the protocol: saves a round trip. */
async function openWithHello(connection: Connection, signal: AbortSignal): Promise<StreamDuplex> {
  const firstBytes = encodeEnrolmentRequest({ type: 'hello', version: ENROLMENT_VERSION })
  try {
    return await openStream({ connection, protocol: ENROLMENT_PROTOCOL, firstBytes }, signal)
  } catch (error) {
    if (!(error instanceof UnsupportedProtocolError)) throw error
    throw new ServerRefusalError(
      'unsupported-version',
      `the tunnel server does not speak ${ENROLMENT_PROTOCOL}: it is older than this agent, upgrade it first`,
    )
  }
}

async function meet(
  connection: Connection,
  { stream, signal, prove }: { stream: StreamDuplex; signal: AbortSignal; prove: Exchange['prove'] },
): Promise<Proven> {
  const { certificate, bundle } = await readAnswer(stream, 'server', signal)
  try {
    const trust = prove({ peerId: connection.remotePeer.toString(), certificate, bundle })
    return { stream, trust }
  } catch (error) {
    if (error instanceof UntrustedServerError)
      await endWith(stream, encodeEnrolmentRequest({ type: 'untrusted', message: error.message }))
    throw error
  }
}

async function readAnswer<Type extends EnrolmentAnswer['type']>(
  stream: StreamDuplex,
  type: Type,
  signal: AbortSignal,
): Promise<Extract<EnrolmentAnswer, { type: Type | 'server' | 'enrolled' }>> {
  const frame = await readFrame(stream, ENROLMENT_ANSWER_FRAMES, signal)
  if (frame === undefined) throw new ProtocolError('the tunnel server ended the enrolment without an answer')
  const answer = decodeEnrolmentAnswer(frame)
  if (answer.type === 'refused') throw new ServerRefusalError(answer.reason, answer.message)
  if (answer.type !== type)
    throw new ProtocolError(`the tunnel server answered ${answer.type}, expected ${type}`)
  return answer
}

/**
 * By the trust that the node has of the token's cluster. A token that was made later by a key that this trust does not lead
 * to says that the cluster has rotated its keys meanwhile: trust begins anew at that key then. An older token does not: its
 * key may have been retired because it was stolen.
 */
function trustByToken(server: OfferedProof, token: JoinToken, identity: NodeIdentity): Trust {
  const { trust: present, clock } = identity
  identity.notice(token.issuedAt)
  if (present !== undefined && present.cluster === token.cluster) {
    adopt(present, server.bundle)
    const verdict = judgeServer(server, present, identity)
    if (verdict.kind === 'member') return present
    const isNews = token.issuedAt > (present.content?.issuedAt ?? 0) && !present.isRoot(token.root)
    if (!isNews) throw unbelieved(verdict)
  }
  const pinned = new Trust({ cluster: token.cluster, roots: [token.root] }, clock)
  return trustAlready(server, pinned, identity)
}

function trustAlready(server: OfferedProof, trust: Trust, identity: NodeIdentity): Trust {
  adopt(trust, server.bundle)
  const verdict = judgeServer(server, trust, identity)
  if (verdict.kind === 'member') return trust
  throw unbelieved(verdict)
}

function unbelieved({ reason, message }: Extract<MembershipVerdict, { kind: 'refused' }>) {
  return new UntrustedServerError(reason, `the tunnel server is not believed: ${message}`)
}

/** A bundle that does not lead anywhere tells nothing: the server's certificate then says what is wrong. */
function adopt(trust: Trust, bundle: string): void {
  if (bundle === '') return
  try {
    trust.adopt(bundle)
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
  }
}

function isAboutToken(error: unknown): boolean {
  if (error instanceof UntrustedServerError) return true
  return error instanceof ServerRefusalError && ABOUT_TOKEN.some((reason) => reason === error.reason)
}
