import { EdgewayError } from '@edgeway/core'

/** The key file can't be used. It is never replaced silently: the key is the identity that others know. */
export class KeyFileError extends EdgewayError {
  override readonly name = 'KeyFileError'
  readonly code = 'ERR_KEY_FILE'
}

/**
 * What is wrong with a node's join tokens before any server has seen them; as `ENROLMENT_REFUSALS`, where a server would
 * refuse them for the same.
 */
export type JoinTokenTrouble = 'no-token' | 'wrong-token' | 'wrong-cluster' | 'token-for-another-node'

/** The join token is missing, malformed, or for another node or cluster. */
export class JoinTokenError extends EdgewayError {
  override readonly name = 'JoinTokenError'
  readonly code = 'ERR_JOIN_TOKEN'
  readonly reason: JoinTokenTrouble

  constructor(message: string, { reason = 'wrong-token', ...options }: JoinTokenErrorOptions = {}) {
    super(message, options)
    this.reason = reason
  }
}

interface JoinTokenErrorOptions extends ErrorOptions {
  /** `wrong-token` unless it is said. */
  readonly reason?: JoinTokenTrouble
}

/** What outlives the process can't be read or written just now: a full disk, a missing right, an API server that is away. */
export class StoredValueError extends EdgewayError {
  override readonly name = 'StoredValueError'
  readonly code = 'ERR_STORED_VALUE'
}

/** A configured address is not of a form that can be dialled or listened on. */
export class AddressError extends EdgewayError {
  override readonly name = 'AddressError'
  readonly code = 'ERR_ADDRESS'

  /** @param expected - the forms that are understood, in words */
  constructor(text: string, expected: string) {
    super(`not an address: "${text}"; expected ${expected}`)
  }
}

/** The certificate or the key of the WebSocket listener can't be used. */
export class CertificateFileError extends EdgewayError {
  override readonly name = 'CertificateFileError'
  readonly code = 'ERR_CERTIFICATE_FILE'
}

/** The other side broke the protocol: a frame too large or cut off, or a message that can't be read. */
export class ProtocolError extends EdgewayError {
  override readonly name = 'ProtocolError'
  readonly code = 'ERR_PROTOCOL'
}

/** A session with a tunnel server came to its end; the supervisor starts a new one. */
export class SessionEndedError extends EdgewayError {
  override readonly name = 'SessionEndedError'
  readonly code = 'ERR_SESSION_ENDED'
}

/** The other side does not speak the protocol that a stream was opened for. */
export class UnsupportedProtocolError extends EdgewayError {
  override readonly name = 'UnsupportedProtocolError'
  readonly code = 'ERR_UNSUPPORTED_PROTOCOL'

  constructor(protocol: string, options?: ErrorOptions) {
    super(`the other side does not speak ${protocol}`, options)
  }
}

/** The connection gave no sign of life in time, though something is waited for. It may come back. */
export class SilentConnectionError extends EdgewayError {
  override readonly name = 'SilentConnectionError'
  readonly code = 'ERR_SILENT_CONNECTION'

  constructor() {
    super('the connection gives no sign of life')
  }
}

/** Nothing answers at an address: the link may be down, or the host. */
export class UnreachedError extends EdgewayError {
  override readonly name = 'UnreachedError'
  readonly code = 'ERR_UNREACHED'

  constructor() {
    super('nothing answers at the address')
  }
}

/** The stream was reset: by the other side, or because its connection is gone. */
export class StreamResetError extends EdgewayError {
  override readonly name = 'StreamResetError'
  readonly code = 'ERR_STREAM_RESET'

  constructor(message = 'the stream was reset', options?: ErrorOptions) {
    super(message, options)
  }
}

/** A trust bundle is not one that this process can take over. */
export class TrustError extends EdgewayError {
  override readonly name = 'TrustError'
  readonly code = 'ERR_TRUST'
  readonly reason: 'malformed' | 'wrong-cluster' | 'unknown-signer' | 'bad-signature'

  constructor(reason: TrustError['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** What is stored of the cluster's keys can't be used. It is never replaced silently: without it nobody is a member. */
export class ClusterKeysError extends EdgewayError {
  override readonly name = 'ClusterKeysError'
  readonly code = 'ERR_CLUSTER_KEYS'
}

/** Somebody else wrote the stored value meanwhile: read it anew, and try again. */
export class StoredValueConflictError extends EdgewayError {
  override readonly name = 'StoredValueConflictError'
  readonly code = 'ERR_STORED_VALUE_CONFLICT'
}

/**
 * What this node has stored about its membership can't be used. It is never replaced silently.
 *
 * - `broken`: it can't be read; `exposed`: other users can read it
 * - `key-in-use`: the key is that of another node, so the disk is a copy or the node was renamed
 */
export class NodeIdentityError extends EdgewayError {
  override readonly name = 'NodeIdentityError'
  readonly code = 'ERR_NODE_IDENTITY'
  readonly reason: 'broken' | 'exposed' | 'key-in-use'

  constructor(reason: NodeIdentityError['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** What was reached is no tunnel server of this node's cluster, as far as it can tell: it has shown it nothing. */
export class UntrustedServerError extends EdgewayError {
  override readonly name = 'UntrustedServerError'
  readonly code = 'ERR_UNTRUSTED_SERVER'
  /** One of `MEMBERSHIP_REFUSALS`. */
  readonly reason: string

  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

/** A tunnel server gives this node no certificate, or no session. */
export class ServerRefusalError extends EdgewayError {
  override readonly name = 'ServerRefusalError'
  readonly code = 'ERR_SERVER_REFUSAL'
  /** One of `ENROLMENT_REFUSALS` or `REGISTRY_REFUSALS`. */
  readonly reason: string

  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

/** No reflector that this node knows of answers: there is none, or a firewall is before its port. Asking later may do. */
export class NoReflectorError extends EdgewayError {
  override readonly name = 'NoReflectorError'
  readonly code = 'ERR_NO_REFLECTOR'

  /** @param asked - in words */
  constructor(asked: readonly string[]) {
    super(asked.length === 0 ? 'no reflector is known' : `no reflector answers: ${asked.join(', ')}`)
  }
}
