import type { LabHost, Mesh } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { whenConnected } from '../support/connected.ts'
import { pathOf } from '../support/flows.ts'
import { HTTP_PROGRAMS } from '../support/http/programs.ts'
import { runClient, start, startServer } from '../support/program.ts'
import { Authority } from '../support/protocols/certificates.ts'
import { Servers } from '../support/servers.ts'
import { applyServices } from '../support/services.ts'
import { clientOf, startTwoSites } from '../support/two-sites.ts'

const PORT = 9_001
const HOST = 'secure.apps'
const PODS = ['secure-1', 'secure-2', 'secure-3'] as const
const SERVER_NAMES = Array.from({ length: 12 }, (_, index) => `host-${index}.example`)
const SILENT_CLIENTS = 200

const ORIGINS = [
  { from: 'edge-2', path: 'local' },
  { from: 'edge-1', path: 'relayed' },
] as const

/** Three pods on edge-2 end TLS; edge-1 reaches them by the relay. Nobody in between has a key. */
describe('TLS connections', () => {
  let mesh: Mesh
  let servers: Servers

  beforeAll(async () => {
    mesh = await startTwoSites()
    const authority = await Authority.create(mesh.lab.logFolder)
    const { key, certificate } = await authority.issue('secure.example')
    const program = { file: HTTP_PROGRAMS.serverNamesServer, args: [PORT, key, certificate] }
    servers = await Servers.start(mesh, { 'edge-2': PODS }, (pod) => startServer(pod, program))
    const service = {
      ...{ namespace: 'apps', name: 'secure', clusterIp: '10.96.5.1', port: 80, targetPort: PORT },
      ...{ portName: 'https', annotations: { 'edgeway.io/balancing': 'server-name-hash' } },
      endpoints: servers.endpoints(...PODS),
    }
    await applyServices(mesh, [service])
    for (const { from } of ORIGINS) await whenConnected(clientOf(mesh, from), [service])
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  describe.each(ORIGINS)('from pods on $from ($path)', ({ from, path }) => {
    it('of one server name go to one endpoint, whoever calls, and their ALPN is that of the endpoint', async () => {
      const mark = await mesh.agent(from).log.mark()
      const another = await mesh.lab.addPod(from, { name: `another-${from}`, namespace: 'apps' })
      const answers = await ask(clientOf(mesh, from))

      expect(await ask(another)).toEqual(answers)
      expect(answers.map(({ servername }) => servername)).toEqual(SERVER_NAMES)
      expect([...new Set(answers.map(({ alpnProtocol }) => alpnProtocol))]).toEqual(['scenario/2'])
      expect(new Set(answers.map(({ pod }) => pod)).size).toBeGreaterThan(1)
      expect(await pathOf(mesh.agent(from), 'apps/secure:https', mark)).toBe(path)
    })

    it('are told of with their server names', async () => {
      const { log } = mesh.agent(from)
      const mark = await log.mark()
      await ask(clientOf(mesh, from))
      for (const name of SERVER_NAMES)
        await log.waitFor(({ message, serverName }) => message === 'flow ended' && serverName === name, {
          ...{ mark, timeoutMs: 20_000 },
        })
    })

    it('of clients that say nothing reach no endpoint', async () => {
      const file = new URL('../support/silent-clients.ts', import.meta.url)
      await using silent = start(clientOf(mesh, from), { file, args: [HOST, 80, SILENT_CLIENTS] })
      await silent.waitForOutput(/connected/)
      // Whoever comes after them is served.
      expect(await ask(clientOf(mesh, from))).toHaveLength(SERVER_NAMES.length)

      const open = await Promise.all(PODS.map((pod) => openConnections(servers.pod(pod))))
      expect(open).toEqual([0, 0, 0])
      expect(silent.running).toBe(true)
    })
  })

  function ask(host: LabHost): Promise<Answers> {
    return runClient(host, { file: HTTP_PROGRAMS.serverNamesClient, args: [HOST, 80, ...SERVER_NAMES] })
  }
})

type Answers = readonly { readonly pod: string; readonly servername: string; readonly alpnProtocol: string }[]

async function openConnections(pod: LabHost): Promise<number> {
  const { stdout } = await pod.exec(['ss', '-Htn', 'state', 'established', 'sport', '=', `:${PORT}`])
  return stdout.split('\n').filter((line) => line !== '').length
}
