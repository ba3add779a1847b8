import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '@edgeway/runtime'
import { describe, expect, it } from 'vitest'
import { edgeAgentConfigSchema, metadataOptionsOf, nodeNameOf, tunnelOptionsOf } from './config.ts'

const EXAMPLE = fileURLToPath(new URL('../config.example.yaml', import.meta.url))
const MINIMAL = {
  apiVersion: 'edgeway.io/v1alpha1',
  kind: 'EdgeAgentConfiguration',
  tunnel: { servers: ['tunnel.example.com:20006'] },
}

describe('the config of the edge agent', () => {
  it('is what the example says, where nothing else is given', async () => {
    const example = await loadConfig(EXAMPLE, edgeAgentConfigSchema)

    expect(example).toEqual({ ...edgeAgentConfigSchema.parse(MINIMAL), nodeName: 'edge-1' })
  })

  it('explains each field of the example in a comment of its own or of its group', async () => {
    const sections = (await readFile(EXAMPLE, 'utf8')).split('\n\n')

    for (const section of sections) expect(section).toContain('#')
  })

  it.each([
    { wrong: { tunel: {} }, message: /tunel: unknown field/ },
    { wrong: { traffic: { listenPort: '15001' } }, message: /traffic\.listenPort: expected number/ },
    {
      wrong: { tunnel: { servers: ['tunnel.example.com'] } },
      message: /tunnel\.servers\[0\]: expected host:port/,
    },
    { wrong: { tunnel: {} }, message: /tunnel\.servers: missing/ },
    { wrong: { kind: 'EdgeAgent' }, message: /kind: expected "EdgeAgentConfiguration"/ },
    { wrong: { dataDir: 'data' }, message: /dataDir: expected an absolute path/ },
  ])('refuses $wrong by name', async ({ wrong, message }) => {
    const file = join(tmpdir(), `edge-agent-${process.pid}.yaml`)
    await writeFile(file, JSON.stringify({ ...MINIMAL, ...wrong }))

    await expect(loadConfig(file, edgeAgentConfigSchema)).rejects.toThrow(message)
  })

  it('takes the API server as its source in a pod that is told of one, MetaServer elsewhere, and what is configured', () => {
    const config = edgeAgentConfigSchema.parse(MINIMAL)
    const configured = edgeAgentConfigSchema.parse({
      ...MINIMAL,
      metadata: { source: { kind: 'metaserver', url: 'http://127.0.0.1:1' } },
    })

    expect(metadataOptionsOf(config, true).source).toEqual({ kind: 'apiserver' })
    expect(metadataOptionsOf(config, false).source).toEqual({
      kind: 'metaserver',
      url: 'http://127.0.0.1:10550',
    })
    expect(metadataOptionsOf(configured, true).source).toEqual({
      kind: 'metaserver',
      url: 'http://127.0.0.1:1',
    })
  })

  it('keeps the key in the data directory, and takes the node name of the process unless configured', () => {
    const config = edgeAgentConfigSchema.parse({ ...MINIMAL, dataDir: '/data' })

    expect(tunnelOptionsOf(config).keyFile).toBe('/data/key')
    expect(nodeNameOf(config, 'host')).toBe('host')
    expect(nodeNameOf({ ...config, nodeName: 'edge-1' }, 'host')).toBe('edge-1')
  })
})
