import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BridgeNetfilter, type BridgeNetfilterState } from './bridge-netfilter.ts'

const SYSCTL = 'proc/sys/net/bridge/bridge-nf-call-iptables'
const POD_BRIDGE = { 'sys/class/net/cni0/brif/veth1/state': '3' }

/** What is said of a node that has such files, and the sysctl afterwards. */
async function ensure(files: Readonly<Record<string, string>>) {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'bridge-netfilter-'))
  for (const [file, text] of Object.entries({ 'sys/class/net/lo/mtu': '65536', ...files })) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true })
    await writeFile(join(folder.path, file), text)
  }
  const state: BridgeNetfilterState = await new BridgeNetfilter({
    nodeDevice: 'edgeway0',
    root: folder.path,
  }).ensure('IPv4')
  return { state, sysctl: await readFile(join(folder.path, SYSCTL), 'utf8').catch(() => undefined) }
}

describe('BridgeNetfilter', () => {
  it('is on where the sysctl says so', async () => {
    expect(await ensure({ [SYSCTL]: '1\n', ...POD_BRIDGE })).toEqual({
      state: { state: 'on' },
      sysctl: '1\n',
    })
  })

  it('switches it on where pods are on a bridge', async () => {
    expect(await ensure({ [SYSCTL]: '0\n', ...POD_BRIDGE })).toEqual({ state: { state: 'set' }, sysctl: '1' })
  })

  it.each([
    { where: 'there is no bridge', bridge: {} },
    { where: 'a bridge has no ports', bridge: { 'sys/class/net/cni0/brif/../mtu': '1500' } },
    { where: 'only the node device has ports', bridge: { 'sys/class/net/edgeway0/brif/veth1/state': '3' } },
  ])('changes nothing where $where', async ({ bridge }) => {
    expect(await ensure({ [SYSCTL]: '0\n', ...bridge })).toEqual({
      state: { state: 'not needed' },
      sysctl: '0\n',
    })
  })

  it('says which module is missing', async () => {
    const { state } = await ensure(POD_BRIDGE)

    expect(state).toMatchObject({ state: 'off', reason: expect.stringContaining('modprobe br_netfilter') })
  })
})
