import type { NodeName } from '@edgeway/core'
import { type CommandInput, CommandLineError, type ProcessHost, type ProgramCommand } from '@edgeway/runtime'
import { ClusterKeys, isNodeName } from '@edgeway/tunnel'
import type { TunnelServerConfig } from '../config.ts'
import { NoClusterError } from '../errors.ts'
import { openCluster } from '../state.ts'

export type TunnelServerCommand = ProgramCommand<TunnelServerConfig>

/** What a command does with the keys of its cluster. */
export type Work = (keys: ClusterKeys, host: ProcessHost) => Promise<void> | void

/** For the help of all commands that change something. */
export const WHEN_IT_HOLDS =
  'Running servers take it over within 2 s (files) or 10 s (Secrets), and tell all members that they reach.'

/**
 * Opens the cluster that the config leads to. A new one is never made here: with a wrong config, it would be another than
 * that of the servers.
 */
export function withKeys(work: Work): ReturnType<TunnelServerCommand['read']> {
  return async (config, host) => {
    const stored = await openCluster(config, host)
    if ((await stored.read()) === undefined) throw new NoClusterError(stored.place)
    await work(await ClusterKeys.loadOrCreate(stored), host)
  }
}

/** The option `--node`. @throws {CommandLineError} when it is no name that a node can have */
export function nodeOf(input: CommandInput): NodeName | undefined {
  return input.parsed('node', (text) => (isNodeName(text) ? text : undefined), 'the name of a Node')
}

/** @throws {CommandLineError} when it is not given */
export function required<Value>(value: Value | undefined, option: string): Value {
  if (value === undefined) throw new CommandLineError(`${option} is missing`)
  return value
}

/** Unix seconds as people and programs read them. */
export function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1_000).toISOString().replace('.000Z', 'Z')
}
