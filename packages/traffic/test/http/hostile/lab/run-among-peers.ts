import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import type { Run } from './lane-set.ts'
import { startHaproxy, startNginx } from './peers.ts'
import { hopsOf } from './ways.ts'

const TABLES = fileURLToPath(new URL('../../../../../../.cache/', import.meta.url))

/** Many times what it takes. */
export const RUN_TIMEOUT_MS = 120_000

/**
 * Runs a program in a namespace of its own, with haproxy and nginx.
 *
 * @param program - path of its file
 * @returns what it printed, which is a list
 * @throws {Error} when it crashed
 */
export async function runAmongPeers<T>(program: string, run: Run): Promise<readonly T[]> {
  await using namespace = await NetworkNamespace.create(`hh${uniqueLabId()}`)
  await startHaproxy(namespace, hopsOf('haproxy'))
  await startNginx(namespace, hopsOf('nginx'))
  const command = [process.execPath, program, JSON.stringify(run)]
  const { code, stdout, stderr } = await namespace.exec(command, { timeoutMs: RUN_TIMEOUT_MS })
  if (code !== 0 || stderr !== '') throw new Error(`${program} ended with ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

/** For who wants to read what became of each item by each way. */
export async function writeTable(name: string, table: string): Promise<void> {
  await mkdir(TABLES, { recursive: true })
  await writeFile(`${TABLES}${name}`, table)
}
