import { fileURLToPath } from 'node:url'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import type { Places } from './redirected-datagrams.ts'

const CALLS = fileURLToPath(new URL('redirected-datagrams.ts', import.meta.url))

const ADDRESSES = {
  nodeAddress: '169.254.96.16',
  nodeAddress6: 'fd00:e::16',
  clusterIps: '10.96.0.',
  clusterIps6: 'fd00:96::',
}

it('answers clients by the ClusterIP that they called, and tells them by ICMP of a port that is closed', async () => {
  const id = uniqueLabId()
  await using node = await NetworkNamespace.create(`un${id}`)
  await using pod = await NetworkNamespace.create(`up${id}`)
  const places: Places = { node: node.name, pod: pod.name, ...ADDRESSES }
  await connect(node, pod)

  const run = await node.exec([process.execPath, CALLS, JSON.stringify(places)])

  expect(run).toMatchObject({ code: 0, stderr: '' })
  // Each over IPv4, then over IPv6.
  const told = [
    ...['question', 'question'],
    ...['ECONNREFUSED', 'ECONNREFUSED'],
    ...['ECONNREFUSED', 'ECONNREFUSED'],
    ...['ECONNREFUSED', 'ECONNREFUSED'],
  ]
  expect(JSON.parse(run.stdout)).toEqual({
    host: told,
    pod: told,
    sessions: [
      'shop/closed:udp endpoint-refused',
      'shop/closedFarAway:udp endpoint-refused',
      'shop/noWay:udp dial-failed',
    ],
    sent: 12,
  })
})

/** A pod on a node that has the agent's device and a way to ClusterIPs. */
async function connect(node: NetworkNamespace, pod: NetworkNamespace): Promise<void> {
  const { nodeAddress, nodeAddress6 } = ADDRESSES
  const onNode = [
    `link add edgeway0 type bridge`,
    `link set edgeway0 up`,
    `address add ${nodeAddress}/32 dev edgeway0`,
    `address add ${nodeAddress6}/128 dev edgeway0 nodad`,
    `link add pod0 type veth peer name eth0 netns ${pod.name}`,
    `address add 10.244.0.1/24 dev pod0`,
    `address add fd00:244::1/64 dev pod0 nodad`,
    `link set pod0 up`,
    `route add 10.96.0.0/24 dev pod0`,
    `-6 route add fd00:96::/112 dev pod0`,
  ]
  const inPod = [
    `address add 10.244.0.7/24 dev eth0`,
    `address add fd00:244::7/64 dev eth0 nodad`,
    `link set eth0 up`,
    `route add default via 10.244.0.1`,
    `-6 route add default via fd00:244::1`,
  ]
  for (const command of onNode) await mustRun(node, command)
  for (const command of inPod) await mustRun(pod, command)
}

async function mustRun(namespace: NetworkNamespace, command: string): Promise<void> {
  expect(await namespace.exec(['ip', ...command.split(' ')])).toMatchObject({ code: 0, stderr: '' })
}
