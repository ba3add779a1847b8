import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CriRuntime } from '../../src/own-endpoints/cri/cri-runtime.ts'
import { FakeCri } from './fake-cri.ts'

const { signal } = new AbortController()

describe('CriRuntime', () => {
  it('reads what containerd answers, host network and both families included', async () => {
    await using cri = await FakeCri.start()

    expect(await new CriRuntime(cri.socketPath).runningPods(signal)).toEqual([
      {
        namespace: 'shop',
        name: 'node-local',
        uid: 'uid-node-local',
        ips: [],
        isHostNetwork: true,
        createdAt: expect.closeTo(1.79524808004e18, -10),
      },
      {
        namespace: 'shop',
        name: 'web-0',
        uid: 'uid-web-0',
        ips: ['10.98.0.2', 'fd00:98::2'],
        isHostNetwork: false,
        createdAt: expect.closeTo(1.79524807881e18, -10),
      },
    ])
  })

  it('asks for the addresses of each sandbox once, and keeps no connection', async () => {
    await using cri = await FakeCri.start()
    const runtime = new CriRuntime(cri.socketPath)
    cri.setSandboxes({ id: 'a', name: 'web-0', ips: ['10.1.0.1'] })
    await runtime.runningPods(signal)
    cri.setSandboxes(
      { id: 'a', name: 'web-0', ips: ['10.1.0.1'] },
      { id: 'b', name: 'web-1', ips: ['10.1.0.2'] },
    )
    await runtime.runningPods(signal)

    expect(cri.calls).toEqual([
      'ListPodSandbox',
      'PodSandboxStatus a',
      'ListPodSandbox',
      'PodSandboxStatus b',
    ])
    await expect.poll(() => cri.connections).toBe(0)
  })

  it('goes on where the question before failed, so that a slow runtime has told all in the end', async () => {
    await using cri = await FakeCri.start()
    const runtime = new CriRuntime(cri.socketPath)
    cri.setSandboxes(
      { id: 'a', name: 'web-0', ips: ['10.1.0.1'] },
      { id: 'b', name: 'web-1', ips: ['10.1.0.2'] },
    )
    cri.broken = 'b'
    await expect(runtime.runningPods(signal)).rejects.toMatchObject({ code: 'ERR_POD_RUNTIME' })
    cri.broken = undefined

    expect(await runtime.runningPods(signal)).toMatchObject([{ name: 'web-0' }, { name: 'web-1' }])
    expect(cri.calls).toEqual([
      'ListPodSandbox',
      'PodSandboxStatus a',
      'PodSandboxStatus b',
      'ListPodSandbox',
      'PodSandboxStatus b',
    ])
  })

  it('passes over addresses that are none of a pod, and what is no address', async () => {
    await using cri = await FakeCri.start()
    cri.setSandboxes({ id: 'a', name: 'web-0', ips: ['10.1.0.1', 'fe80::1%eth0', 'nonsense'] })

    expect(await new CriRuntime(cri.socketPath).runningPods(signal)).toMatchObject([{ ips: ['10.1.0.1'] }])
  })

  it('leaves out sandboxes that went meanwhile, and asks again for those without address', async () => {
    await using cri = await FakeCri.start()
    const runtime = new CriRuntime(cri.socketPath)
    cri.setSandboxes({ id: 'a', name: 'gone', ips: [] }, { id: 'b', name: 'web-0', ips: [] })
    expect(await runtime.runningPods(signal)).toEqual([])
    cri.setSandboxes({ id: 'b', name: 'web-0', ips: ['10.1.0.2', 'FD00:0::2'] })

    expect(await runtime.runningPods(signal)).toMatchObject([{ name: 'web-0', ips: ['10.1.0.2', 'fd00::2'] }])
  })

  it.each([
    { mood: 'unimplemented', message: /gRPC status 12: unknown service/ },
    { mood: 'compressed', message: /not gRPC/ },
  ] as const)('says what is wrong with a runtime that is $mood', async ({ mood, message }) => {
    await using cri = await FakeCri.start()
    cri.mood = mood

    await expect(new CriRuntime(cri.socketPath).runningPods(signal)).rejects.toMatchObject({
      code: 'ERR_POD_RUNTIME',
      message: expect.stringMatching(message),
    })
  })

  it('gives up on a silent runtime when told to, and hangs up', async () => {
    await using cri = await FakeCri.start()
    cri.mood = 'silent'
    const stop = new AbortController()
    const asked = new CriRuntime(cri.socketPath).runningPods(stop.signal)
    await expect.poll(() => cri.calls).toHaveLength(1)
    stop.abort(new Error('enough'))

    await expect(asked).rejects.toMatchObject({
      code: 'ERR_POD_RUNTIME',
      message: `${cri.socketPath} can't be asked: enough`,
    })
    await expect.poll(() => cri.connections).toBe(0)
  })

  it('says that nobody listens', async () => {
    await expect(new CriRuntime('/nonexistent/cri.sock').runningPods(signal)).rejects.toMatchObject({
      code: 'ERR_POD_RUNTIME',
      message: expect.stringContaining("/nonexistent/cri.sock can't be asked: connect ENOENT"),
    })
  })

  it('says that something else listens', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'not-cri-'))
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    server.listen(join(folder, 'other.sock'))
    await once(server, 'listening')

    await expect(new CriRuntime(join(folder, 'other.sock')).runningPods(signal)).rejects.toMatchObject({
      code: 'ERR_POD_RUNTIME',
      message: expect.stringContaining("other.sock can't be asked: "),
    })
    server.close()
    await rm(folder, { recursive: true })
  })
})
