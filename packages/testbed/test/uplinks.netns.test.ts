import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Lab, type LabHost } from '../src/index.ts'

describe('a node with two uplinks', () => {
  let lab: Lab
  let node: LabHost
  beforeEach(async () => {
    lab = await Lab.create({
      cloud: [{ name: 'cloud' }],
      sites: [
        { name: 'a', nat: 'endpoint-independent', subnet: '192.168.1.0/24', nodes: [{ name: 'edge' }] },
        { name: 'b', nat: 'endpoint-independent', subnet: '192.168.2.0/24', nodes: [{ name: 'other' }] },
      ],
    })
    node = lab.node('edge')
    await lab.addUplink('edge', 'b', { address: '192.168.2.77' })
  })
  afterEach(async () => lab?.[Symbol.asyncDispose]())

  async function reaches(address: string): Promise<boolean> {
    // Nothing listens at the discard port of a host that is there.
    const { stderr } = await node.exec(['timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${address}/9`])
    return stderr.includes('refused')
  }

  async function wayTo(address: string): Promise<string | undefined> {
    const { stdout } = await node.exec(['ip', 'route', 'get', address])
    return / dev (\S+)/.exec(stdout)?.[1]
  }

  it('goes by the first one, and by the second one while the first has no carrier', async () => {
    const { address } = lab.node('cloud')
    expect([await wayTo(address), await reaches(address)]).toEqual(['eth0', true])
    expect(await reaches(lab.node('other').address)).toBe(true)

    await lab.setCarrier(node, 'down')
    expect([await wayTo(address), await reaches(address)]).toEqual(['eth1', true])
    await lab.setCarrier(node, 'up')
    expect([await wayTo(address), await reaches(address)]).toEqual(['eth0', true])
  })

  it('still goes by the first one when that fails silently', async () => {
    await lab.setLink(node, 'down')
    expect([await wayTo('45.80.0.11'), await reaches('45.80.0.11')]).toEqual(['eth0', false])
    expect(await reaches(lab.node('other').address)).toBe(true)
  })

  it('can’t have an address of another site', async () => {
    await expect(lab.addUplink('other', 'a', { address: '192.168.2.78' })).rejects.toThrow('192.168.2.78')
  })
})
