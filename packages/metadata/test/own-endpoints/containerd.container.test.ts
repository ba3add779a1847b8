import { FakeComponentDeps, NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { CriRuntime } from '../../src/own-endpoints/cri/cri-runtime.ts'
import type { OwnEndpoint } from '../../src/own-endpoints/own-endpoint.ts'
import { DEFAULT_OWN_ENDPOINTS_OPTIONS, OwnEndpoints } from '../../src/own-endpoints/own-endpoints.ts'
import { Containerd, missingForContainerd } from './containerd.ts'

it('finds the pods of a containerd after their addresses have changed', async ({ skip }) => {
  const missing = missingForContainerd()
  skip(missing !== undefined, missing)
  await using namespace = await NetworkNamespace.create(`oe${uniqueLabId()}`)
  await using containerd = await Containerd.start(namespace)
  const { logger, metrics, onFatal } = new FakeComponentDeps()

  const web = await containerd.runPod({ name: 'web-0', uid: 'u1' })
  await containerd.runPod({ name: 'proxy', uid: 'u2', hostNetwork: true })
  const before = await runningPods(containerd)
  expect(before).toMatchObject({
    'web-0': { namespace: 'shop', uid: 'u1', isHostNetwork: false, ips: ['10.98.0.2', 'fd00:98::2'] },
    proxy: { namespace: 'shop', uid: 'u2', isHostNetwork: true, ips: [] },
  })

  const asked: string[] = []
  const endpoints = ['10.98.0.2', 'fd00:98::2'].map(
    (ip): OwnEndpoint => ({
      ip,
      port: 80,
      protocol: 'TCP',
      pod: { namespace: 'shop', name: 'web-0', uid: 'u1' },
    }),
  )
  await using own = new OwnEndpoints(
    { ...DEFAULT_OWN_ENDPOINTS_OPTIONS, checkIntervalMs: 100, criSocket: containerd.socketPath },
    {
      logger,
      metrics,
      onFatal,
      endpoints: () => endpoints,
      corrected: () => {},
      connect: async ({ ip }) => void asked.push(ip),
    },
  )
  own.setStale(true)
  await expect.poll(() => asked).toEqual(expect.arrayContaining(['10.98.0.2', 'fd00:98::2']))

  await containerd.stopPod(web)
  await containerd.runPod({ name: 'web-0', uid: 'u1', attempt: 1 })
  const after = await runningPods(containerd)
  const [ip4 = '', ip6 = ''] = after['web-0']?.ips ?? []
  expect(ip4).not.toBe('10.98.0.2')
  await expect.poll(() => own.corrections.presentIp('10.98.0.2')).toBe(ip4)
  expect(own.corrections.presentIp('fd00:98::2')).toBe(ip6)
  await expect.poll(() => asked).toEqual(expect.arrayContaining([ip4, ip6]))

  await containerd.stopDaemon()
  await expect
    .poll(() => logger.lines.at(-1)?.message)
    .toBe('container runtime can not be asked where pods are, trying again')
  expect(own.corrections.presentIp('10.98.0.2')).toBe(ip4)
  await containerd.startDaemon()
  await expect.poll(() => logger.lines.at(-1)?.message).toBe('container runtime tells where pods are')
})

async function runningPods(containerd: Containerd) {
  const pods = await new CriRuntime(containerd.socketPath).runningPods(AbortSignal.timeout(10_000))
  return Object.fromEntries(pods.map((pod) => [pod.name, pod]))
}
