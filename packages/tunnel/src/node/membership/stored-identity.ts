import { ProtocolError } from '../../errors.ts'
import { type ClusterId, clusterField, MAX_CERTIFICATE_LENGTH } from '../../identity/membership.ts'
import { PUBLIC_KEY_BYTES } from '../../identity/signed-document.ts'
import { MAX_BUNDLE_LENGTH } from '../../identity/trust-bundle.ts'
import {
  arrayField,
  asObject,
  integerField,
  type JsonObject,
  parseJsonObject,
  textField,
} from '../../protocol/json.ts'

/** What `identity.json` holds, beside the key, which has a file of its own. */
export interface StoredIdentity {
  /** Of the last start. */
  readonly epoch: number
  /** Missing before the first enrolment, like `cluster`. */
  readonly certificate?: string
  readonly cluster?: StoredCluster
}

/** What the node believes. */
export interface StoredCluster {
  readonly id: ClusterId
  /** Raw public keys. */
  readonly roots: readonly Uint8Array[]
  readonly bundle: string | undefined
}

const VERSION = 1
const MAX_ROOTS = 16

export function encodeIdentity({ epoch, certificate, cluster }: StoredIdentity): string {
  const stored = {
    version: VERSION,
    epoch,
    certificate,
    ...(cluster === undefined
      ? {}
      : {
          cluster: cluster.id,
          roots: cluster.roots.map((key) => Buffer.from(key).toString('base64url')),
          bundle: cluster.bundle,
        }),
  }
  return `${JSON.stringify(stored, undefined, 2)}\n`
}

/** @throws {ProtocolError} when it is anything else */
export function decodeIdentity(bytes: Uint8Array): StoredIdentity {
  const object = parseJsonObject(bytes)
  const version = integerField(object, 'version', 1_000_000)
  if (version !== VERSION) throw new ProtocolError(`field version is ${version}, expected ${VERSION}`)
  const epoch = integerField(object, 'epoch', Number.MAX_SAFE_INTEGER)
  const certificate = optionalText(object, 'certificate', MAX_CERTIFICATE_LENGTH)
  return {
    epoch,
    ...(certificate === undefined ? {} : { certificate }),
    ...(object['cluster'] === undefined ? {} : { cluster: clusterOf(object) }),
  }
}

function clusterOf(object: JsonObject): StoredCluster {
  const roots = arrayField(object, 'roots', MAX_ROOTS).map((root) => rootOf(root))
  if (roots.length === 0) throw new ProtocolError('field roots is empty, expected the keys of the cluster')
  return { id: clusterField(object), roots, bundle: optionalText(object, 'bundle', MAX_BUNDLE_LENGTH) }
}

function rootOf(value: unknown): Buffer {
  const bytes = Buffer.from(textField(asObject({ root: value }, 'root'), 'root', 100), 'base64url')
  if (bytes.length === PUBLIC_KEY_BYTES) return bytes
  throw new ProtocolError(`field roots holds a key of ${bytes.length} bytes, expected ${PUBLIC_KEY_BYTES}`)
}

function optionalText(object: JsonObject, name: string, maxLength: number): string | undefined {
  return object[name] === undefined ? undefined : textField(object, name, maxLength)
}
