import { fileURLToPath } from 'node:url'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('host-address.ts', import.meta.url))

it("gives the node's present address for one that it has lost, as far as it has a route to the world", async () => {
  await using namespace = await NetworkNamespace.create(`ha${uniqueLabId()}`)
  const setUp = async (...lines: readonly string[]): Promise<void> => {
    const run = await namespace.exec(['ip', '-batch', '-'], { input: lines.join('\n') })
    expect(run).toMatchObject({ code: 0, stderr: '' })
  }
  const presentOf = async (...stored: readonly string[]): Promise<unknown> => {
    const run = await namespace.exec([process.execPath, SCRIPT, ...stored])
    expect(run).toMatchObject({ code: 0 })
    return JSON.parse(run.stdout)
  }

  await setUp(
    'link add eth0 type veth peer name uplink',
    'link add cni0 type bridge',
    'address add 10.1.0.1/24 dev cni0',
    'address add 192.168.7.5/24 dev eth0',
    'address add fd00:7::5/64 dev eth0 nodad',
    'link set cni0 up',
    'link set eth0 up',
    'link set uplink up',
  )
  expect(await presentOf('192.168.7.4', 'fd00:7::4')).toEqual(['192.168.7.4', 'fd00:7::4'])

  await setUp('route add default via 192.168.7.1', 'route add default via fd00:7::1')
  expect(await presentOf('192.168.7.4', 'fd00:7::4', '10.1.0.1')).toEqual([
    '192.168.7.5',
    'fd00:7::5',
    '10.1.0.1',
  ])
})
