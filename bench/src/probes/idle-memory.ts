import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { LabHost, LabProcess } from '@edgeway/testbed'
import type { DescriptorLimit } from '../descriptors.ts'
import { residentBytes } from '../memory.ts'
import type { Protocol } from './asker.ts'
import { mustExec } from './must-exec.ts'

const CLIENT = fileURLToPath(new URL('./idle-client.ts', import.meta.url))
/** Opened and closed before: what a first connection brings for good is no part of the growth. */
const WARM_UP_CONNECTIONS = 200
/** Memory is looked at once all has been quiet for that long. */
const REST_MS = 5_000
const TIMEOUT_MS = 120_000

/** Idle connections, and who carries them. */
export interface IdleConnections {
  readonly client: LabHost
  readonly protocol: Protocol
  readonly ip: string
  readonly port: number
  readonly count: number
  /** That programs here may have. */
  readonly descriptors: number
  /** Of the process that is looked at. */
  readonly pid: number
}

export interface IdleMemory {
  /** Growth by connection, in bytes. */
  readonly perConnection: number
  /** The same from half of them to all: what a start left free has been used up by then. */
  readonly perLaterConnection: number
  /** Resident with all of them open, in bytes. */
  readonly total: number
}

/**
 * What many connections take that had one answer each and then nothing.
 *
 * @throws {Error} when not all connections could be opened, or some had ended at the end
 */
export async function idleMemory(connections: IdleConnections): Promise<IdleMemory> {
  const { count, pid } = connections
  const half = Math.floor(count / 2)
  await using warmUp = openIdle(connections, [WARM_UP_CONNECTIONS])
  await allOpen(warmUp, WARM_UP_CONNECTIONS)
  await mustBeAlive(warmUp, WARM_UP_CONNECTIONS)
  await delay(REST_MS)
  const before = await residentBytes(pid)
  await using idle = openIdle(connections, [half, count])
  await allOpen(idle, half)
  await delay(REST_MS)
  const between = await residentBytes(pid)
  idle.kill('SIGUSR2')
  await allOpen(idle, count)
  await delay(REST_MS)
  const total = await residentBytes(pid)
  await mustBeAlive(idle, count)
  const perLaterConnection = (total - between) / (count - half)
  return { perConnection: (total - before) / count, perLaterConnection, total }
}

/** Lets a process that runs have as many descriptors as may be: otherwise it has what this one has. */
export async function raiseDescriptors(
  host: LabHost,
  pid: number,
  { most, canRaise }: DescriptorLimit,
): Promise<void> {
  if (canRaise) await mustExec(host, ['prlimit', `--pid=${pid}`, `--nofile=${most}:${most}`])
}

/** A program on Node with as many descriptors as it is to have. */
export function nodeCommand(
  descriptors: number,
  program: string,
  args: readonly (string | number)[],
): readonly string[] {
  return ['prlimit', `--nofile=${descriptors}`, '--', process.execPath, program, ...args.map(String)]
}

function openIdle(
  { client, protocol, ip, port, descriptors }: IdleConnections,
  counts: readonly number[],
): LabProcess {
  return client.spawn(nodeCommand(descriptors, CLIENT, [protocol, ip, port, ...counts]))
}

/** Resolves when the client says so; what it can't open ends it. */
async function allOpen(client: LabProcess, count: number): Promise<void> {
  await client.waitForOutput(new RegExp(`"open":${count}\\}`), TIMEOUT_MS)
}

/** Makes the client end, too. */
async function mustBeAlive(client: LabProcess, count: number): Promise<void> {
  client.kill('SIGUSR2')
  const [, alive] = await client.waitForOutput(/"alive":(\d+)/, TIMEOUT_MS)
  if (Number(alive) !== count) throw new Error(`only ${alive} of ${count} idle connections were still alive`)
  await client.exited
}
