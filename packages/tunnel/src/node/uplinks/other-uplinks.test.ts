import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import { otherUplinks } from './other-uplinks.ts'

function on(family: 'IPv4' | 'IPv6', address: string): NetworkInterfaceInfo {
  const rest = { address, netmask: '', mac: '', internal: false, cidr: null }
  return family === 'IPv4' ? { ...rest, family } : { ...rest, family, scopeid: 0 }
}

const INTERFACES = {
  eth0: [on('IPv4', '192.168.1.10')],
  wwan0: [on('IPv6', 'fd00::1'), on('IPv4', '10.64.0.9')],
}
const CABLE = { device: 'eth0', ip: '192.168.1.1' }
const MODEM = { device: 'wwan0', ip: '10.64.0.1' }

describe('otherUplinks', () => {
  it('are the addresses on devices whose default route counts less', () => {
    expect(otherUplinks([CABLE, MODEM], INTERFACES)).toEqual(['10.64.0.9'])
    expect(otherUplinks([MODEM, CABLE, MODEM], INTERFACES)).toEqual(['192.168.1.10'])
  })

  it.each([
    ['one way out', [CABLE]],
    ['two routers on one device', [CABLE, { ...CABLE, ip: '192.168.1.2' }]],
    ['no way out', []],
    ['a device without an address', [CABLE, { device: 'wwan1', ip: '10.0.0.1' }]],
  ])('are none where there is %s', (_what, routes) => {
    expect(otherUplinks(routes, INTERFACES)).toEqual([])
  })
})
