import { once } from 'node:events'
import { createServer } from 'node:http'
import { beforeEach, describe, expect, it } from 'vitest'
import { cleanUp } from './cleanup.ts'

const CONFIG = {
  admin: { host: '127.0.0.1', port: 0 },
  dataDir: '/var/lib/edgeway/agent',
  device: { name: 'edgeway0', address: '169.254.96.16', addresses: [], checkIntervalMs: 5_000 },
}

describe('cleanUp', () => {
  let output: string[]
  let errors: string[]
  let failed: boolean
  const host = {
    print: (text: string) => void output.push(text),
    printError: (text: string) => void errors.push(text),
    fail: () => {
      failed = true
    },
  }

  beforeEach(() => {
    output = []
    errors = []
    failed = false
  })

  it('says what it removed and what stays', async () => {
    await cleanUp(CONFIG, host, async ({ device }) => ({ done: [`${device.name}: removed`], left: [] }))

    expect(output).toEqual(['edgeway0: removed', expect.stringContaining('/var/lib/edgeway/agent stays')])
    expect({ errors, failed }).toEqual({ errors: [], failed: false })
  })

  it('fails when something is left, and says what', async () => {
    await cleanUp(CONFIG, host, async () => ({ done: [], left: ['rules of nftables: not permitted'] }))

    expect(errors).toEqual(['left: rules of nftables: not permitted'])
    expect(failed).toBe(true)
  })

  it('fails when an agent still runs: it would bring its rules back', async () => {
    const admin = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
    await once(admin, 'listening')
    const address = admin.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0

    await cleanUp({ ...CONFIG, admin: { host: '127.0.0.1', port } }, host, async () => ({
      done: [],
      left: [],
    }))
    admin.close()

    expect(errors).toEqual([expect.stringContaining('stop it')])
    expect(failed).toBe(true)
  })
})
