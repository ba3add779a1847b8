import { cleanupNode } from '@edgeway/proxier'
import type { ProcessHost } from '@edgeway/runtime'
import type { EdgeAgentConfig } from './config/config.ts'

const ANSWER_TIMEOUT_MS = 1_000

/**
 * Removes from this node's kernel what the agent has made there, for a node that is to be without edgeway. Says what
 * it did, and fails when something may be left: also when an agent still runs, which makes it all again.
 */
export async function cleanUp(
  { admin, dataDir, device }: Pick<EdgeAgentConfig, 'admin' | 'dataDir' | 'device'>,
  host: Pick<ProcessHost, 'print' | 'printError' | 'fail'>,
  remove: typeof cleanupNode = cleanupNode,
): Promise<void> {
  const isRunning = await answers(admin)
  const { done, left } = await remove({ device })
  for (const line of done) host.print(line)
  for (const line of left) host.printError(`left: ${line}`)
  if (isRunning)
    host.printError('an agent runs on this node and brings its rules back: stop it, then clean up again')
  host.print(`${dataDir} stays: the key of this node and what it knows of the cluster`)
  if (isRunning || left.length > 0) host.fail()
}

/** Whether the admin server of an agent answers. */
async function answers({ host, port }: EdgeAgentConfig['admin']): Promise<boolean> {
  if (port === 0) return false
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/livez`
  try {
    const { ok } = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
    return ok
  } catch {
    return false
  }
}
