import { ProtocolError } from '../errors.ts'
import { arrayField, asObject, integerField, type JsonObject, textField } from '../protocol/json.ts'
import { publicKeyField } from './join-token.ts'
import { type ClusterId, clusterField } from './membership.ts'
import { keyIdOf, type ReadDocument, readDocument, type Signer, signDocument } from './signed-document.ts'

export const REVOCATION_KINDS = ['node', 'peer', 'token'] as const

export type RevocationKind = (typeof REVOCATION_KINDS)[number]

/**
 * Something that is not taken any more: a node, but for certificates that come from a join token that was made for it
 * after `at`; a peer's key; a join token.
 * Of two entries about the same thing the later one holds.
 */
export interface Revocation {
  readonly kind: RevocationKind
  /** Node name, PeerId, or id of the token. */
  readonly value: string
  /** Unix seconds, like `until`. */
  readonly at: number
  /** From when on nothing can be about it any more: the entry is left out then. */
  readonly until?: number
  /** It was taken back. */
  readonly lifted?: true
}

/** Says that a newer root of the cluster is one: signed by an older one. */
export interface Endorsement {
  /** The newer root, raw. */
  readonly key: Uint8Array
  readonly text: string
}

/**
 * What the members of a cluster have to believe: which keys sign for it, and what they signed that does not hold any
 * more. Signed by one of the keys itself. Of two bundles the one with the higher serial holds.
 */
export interface TrustBundle {
  readonly cluster: ClusterId
  readonly serial: number
  readonly issuedAt: number
  /** Raw keys; the first one signs new certificates. */
  readonly roots: readonly Uint8Array[]
  /** From the first root to the newest, so that who slept through rotations finds the way; the oldest fall out. */
  readonly endorsements: readonly Endorsement[]
  readonly revoked: readonly Revocation[]
}

/** More roots than two make no sense but during a rotation that came on top of another. */
const MAX_ROOTS = 4
export const MAX_ENDORSEMENTS = 16
/** 10,000 of them are some 1.2 MB of text. */
export const MAX_REVOCATIONS = 10_000
export const MAX_BUNDLE_LENGTH = 3 * 1024 * 1024

const VERSION = 1
const MAX_SECONDS = 2 ** 40

export function signTrustBundle(bundle: TrustBundle, signer: Signer): string {
  const { roots, endorsements, ...rest } = bundle
  const payload = {
    v: VERSION,
    ...rest,
    roots: roots.map((key) => Buffer.from(key).toString('base64url')),
    endorsements: endorsements.map(({ text }) => text),
    signer: keyIdOf(signer.publicKey),
  }
  return signDocument('trust', payload, signer)
}

/**
 * Reads a bundle without believing it.
 *
 * @throws {ProtocolError} when it can't be read
 */
export function readTrustBundle(text: string): {
  bundle: TrustBundle
  signer: string
  document: ReadDocument
} {
  if (text.length > MAX_BUNDLE_LENGTH) throw new ProtocolError('the trust bundle is too long')
  const document = readDocument('trust', text)
  const { payload } = document
  const version = integerField(payload, 'v', 1_000_000)
  if (version !== VERSION) throw new ProtocolError(`field v is ${version}, expected ${VERSION}`)
  return { bundle: bundleOf(payload), signer: textField(payload, 'signer', 16), document }
}

export function endorse(cluster: ClusterId, key: Uint8Array, signer: Signer): Endorsement {
  const payload = { cluster, key: Buffer.from(key).toString('base64url') }
  return { key, text: signDocument('root', payload, signer) }
}

/** Whether an older root has signed the endorsement, for that cluster. */
export function isEndorsedBy({ text }: Endorsement, cluster: ClusterId, root: Uint8Array): boolean {
  const document = readDocument('root', text)
  return clusterField(document.payload) === cluster && document.isSignedBy(root)
}

/** Of two lists, each thing once, as the later entry says; without those whose time is up. */
export function mergeRevocations(
  a: readonly Revocation[],
  b: readonly Revocation[],
  now: number,
): Revocation[] {
  const latest = new Map<string, Revocation>()
  for (const entry of [...a, ...b]) {
    const key = `${entry.kind} ${entry.value}`
    const known = latest.get(key)
    if (known === undefined || isLater(entry, known)) latest.set(key, entry)
  }
  return [...latest.values()].filter(({ until }) => until === undefined || until >= now)
}

/** At the same second, what is refused stays so. */
function isLater(entry: Revocation, than: Revocation): boolean {
  return entry.at === than.at ? entry.lifted === undefined : entry.at > than.at
}

function bundleOf(object: JsonObject): TrustBundle {
  const roots = arrayField(object, 'roots', MAX_ROOTS).map((key) => publicKeyField({ key }, 'key'))
  if (roots.length === 0) throw new ProtocolError('field roots is empty')
  return {
    cluster: clusterField(object),
    serial: integerField(object, 'serial', Number.MAX_SAFE_INTEGER),
    issuedAt: integerField(object, 'issuedAt', MAX_SECONDS),
    roots,
    endorsements: arrayField(object, 'endorsements', MAX_ENDORSEMENTS).map(endorsementOf),
    revoked: arrayField(object, 'revoked', MAX_REVOCATIONS).map((entry) =>
      revocationOf(asObject(entry, 'field revoked')),
    ),
  }
}

function endorsementOf(value: unknown): Endorsement {
  const text = textField({ endorsement: value }, 'endorsement', 1_000)
  return { text, key: publicKeyField(readDocument('root', text).payload, 'key') }
}

function revocationOf(object: JsonObject): Revocation {
  const kind = REVOCATION_KINDS.find((known) => known === object['kind'])
  if (kind === undefined) throw new ProtocolError(`field kind is not one of ${REVOCATION_KINDS.join(', ')}`)
  return {
    kind,
    value: textField(object, 'value', 253),
    at: integerField(object, 'at', MAX_SECONDS),
    ...(object['until'] === undefined ? {} : { until: integerField(object, 'until', MAX_SECONDS) }),
    ...(object['lifted'] === true ? { lifted: true } : {}),
  }
}
