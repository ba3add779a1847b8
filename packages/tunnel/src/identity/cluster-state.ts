import { ProtocolError } from '../errors.ts'
import {
  arrayField,
  asObject,
  integerField,
  type JsonObject,
  parseJsonObject,
  textField,
} from '../protocol/json.ts'
import { type ClusterId, clusterField } from './membership.ts'
import { MAX_BUNDLE_LENGTH } from './trust-bundle.ts'

/** A single-use join token that was used, and by whom. */
export interface SpentToken {
  readonly id: string
  readonly peerId: string
  /** Unix seconds; it is no good for anything after that. */
  readonly until: number
}

/** All that tunnel servers of a cluster share and nobody else may see, as it is stored. */
export interface ClusterState {
  readonly cluster: ClusterId
  /** Of the cluster's private keys, 32 bytes each; the first one signs. */
  readonly seeds: readonly Uint8Array[]
  /** Signed trust bundle. */
  readonly bundle: string
  readonly spent: readonly SpentToken[]
}

const VERSION = 1
const SEED_BYTES = 32
const MAX_SEEDS = 4
const MAX_SPENT = 100_000
const MAX_SECONDS = 2 ** 40

export function encodeClusterState({ cluster, seeds, bundle, spent }: ClusterState): string {
  const keys = seeds.map((seed) => Buffer.from(seed).toString('base64url'))
  return `${JSON.stringify({ version: VERSION, cluster, keys, bundle, spent }, undefined, 2)}\n`
}

/** @throws {ProtocolError} when a field is missing or malformed; the message never contains a key */
export function decodeClusterState(bytes: Uint8Array): ClusterState {
  const object = parseJsonObject(bytes)
  const version = integerField(object, 'version', 1_000_000)
  if (version !== VERSION) throw new ProtocolError(`field version is ${version}, expected ${VERSION}`)
  const seeds = arrayField(object, 'keys', MAX_SEEDS).map(seedOf)
  if (seeds.length === 0) throw new ProtocolError('field keys is empty')
  return {
    cluster: clusterField(object),
    seeds,
    bundle: textField(object, 'bundle', MAX_BUNDLE_LENGTH),
    spent: arrayField(object, 'spent', MAX_SPENT).map((entry) => spentOf(asObject(entry, 'field spent'))),
  }
}

function seedOf(value: unknown): Buffer {
  const seed = Buffer.from(typeof value === 'string' ? value : '', 'base64url')
  if (seed.length !== SEED_BYTES)
    throw new ProtocolError(`field keys does not hold ${SEED_BYTES} bytes in base64url`)
  return seed
}

function spentOf(object: JsonObject): SpentToken {
  return {
    id: textField(object, 'id', 100),
    peerId: textField(object, 'peerId', 100),
    until: integerField(object, 'until', MAX_SECONDS),
  }
}
