import type { StoredValue } from '../state/stored-value.ts'

/** What outlives a tunnel server's process. */
export interface RelayServerState {
  /** This server's own Ed25519 key, made at its first start. */
  readonly key: StoredValue
  /** Of `ClusterKeys`: shared by all servers of the cluster and by the operator's commands. */
  readonly cluster: StoredValue
  /** The standing join token, which nodes of the cluster itself are given; see `ClusterUpkeep`. */
  readonly joinToken: StoredValue
  /** What this server knows of the members. Others tell it again when it is lost. */
  readonly registry: StoredValue
  /** How often to look for what others have written to `cluster`. */
  readonly refreshIntervalMs: number
}
