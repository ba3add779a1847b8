import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LabHost, Mesh } from '@edgeway/testbed'
import { expect, vi } from 'vitest'

const MAIN = fileURLToPath(new URL('../../packages/tunnel-server/src/main.ts', import.meta.url))
const PORT = 20_006

/** The tunnel server of another cluster, with keys of its own, on a host of the same network. */
export interface SecondCluster {
  /** As agents are told of it. */
  readonly server: string
  readonly joinToken: string
}

export async function startSecondCluster(mesh: Mesh, host: LabHost): Promise<SecondCluster> {
  const dataDir = join(mesh.lab.logFolder, 'second-cluster')
  await mkdir(dataDir, { recursive: true })
  const file = join(dataDir, 'config.yaml')
  const config = { apiVersion: 'edgeway.io/v1alpha1', kind: 'TunnelServerConfiguration', dataDir }
  await writeFile(file, JSON.stringify(config))
  host.spawn([process.execPath, MAIN, '--config', file], { env: { NODE_NAME: host.name } })
  const readToken = async (): Promise<string> => readFile(join(dataDir, 'join-token'), 'utf8').catch(() => '')
  await vi.waitFor(async () => expect(await readToken()).toMatch(/^edgeway/), { timeout: 30_000 })
  return { server: `${host.address}:${PORT}`, joinToken: await readToken() }
}
