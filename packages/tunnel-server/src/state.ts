import { join } from 'node:path'
import { SecretEntry, type SecretEntryName } from '@edgeway/metadata'
import type { ProcessHost } from '@edgeway/runtime'
import { PrivateFile, type RelayServerState, type StoredValue } from '@edgeway/tunnel'
import type { TunnelServerConfig } from './config.ts'
import { type Patience, SecretValue } from './secret-value.ts'

/** Of the config: where the state is. */
export type StateConfig = Pick<TunnelServerConfig, 'state' | 'dataDir'>

/** What a pod is told of its node and its API server. */
export type StateHost = Pick<ProcessHost, 'apiServer' | 'nodeName'>

const CLUSTER = 'cluster.json'
/** Files are cheap to read; at 10 s, a server asks the API server for as little as one kubelet does. */
const REFRESH_MS = { files: 2_000, secrets: 10_000 } as const

/**
 * Where the server keeps what outlives it, by its config: in files, or in two Secrets of its namespace. The standing join
 * token has a Secret of its own, which the agents mount; the other one is of all tunnel servers and of nobody else. Each of
 * them has a key of its own in it, by the node that it runs on. What it knows of the members is always in a file.
 *
 * @throws {SourceError} when Secrets are wanted, and this is no pod with a service account
 */
export async function openState(
  config: StateConfig,
  host: StateHost,
  patience: Patience,
): Promise<RelayServerState> {
  const { state, dataDir } = config
  const registry = new PrivateFile(join(dataDir, 'registry.json'))
  const cluster = await openCluster(config, host, patience)
  const refreshIntervalMs = REFRESH_MS[state.kind]
  if (state.kind === 'files') {
    const key = new PrivateFile(join(dataDir, 'key'))
    return {
      key,
      cluster,
      joinToken: new PrivateFile(join(dataDir, 'join-token')),
      registry,
      refreshIntervalMs,
    }
  }
  const { serverSecretName, joinTokenSecretName } = state
  const { nodeName } = host
  const open = (name: SecretEntryName): Promise<SecretValue> => openSecret(name, host, patience)
  return {
    key: await open({ secret: serverSecretName, key: `key.${nodeName}` }),
    cluster,
    joinToken: await open({ secret: joinTokenSecretName, key: 'token' }),
    registry,
    refreshIntervalMs,
  }
}

/**
 * The keys of the cluster as all tunnel servers and commands share them.
 *
 * @param patience - of who waits for the API server
 * @throws {SourceError} when Secrets are wanted, and this is no pod with a service account
 */
export async function openCluster(
  { state, dataDir }: StateConfig,
  host: Pick<StateHost, 'apiServer'>,
  patience?: Patience,
): Promise<StoredValue> {
  return state.kind === 'files'
    ? new PrivateFile(join(dataDir, CLUSTER), { shared: true })
    : await openSecret({ secret: state.serverSecretName, key: CLUSTER }, host, patience)
}

async function openSecret(
  name: SecretEntryName,
  { apiServer }: Pick<StateHost, 'apiServer'>,
  patience: Patience | undefined,
): Promise<SecretValue> {
  return new SecretValue(await SecretEntry.open(name, { apiServer }), patience)
}
