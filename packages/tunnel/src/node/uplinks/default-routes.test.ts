import { describe, expect, it } from 'vitest'
import { parseDefaultRoutes } from './default-routes.ts'

const HEADER = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'
const line = (to: string, by: string, { flags = '0003', metric = 0, mask = '00000000' } = {}): string =>
  `eth0\t${to}\t${by}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0   `
const table = (...lines: string[]): string => [HEADER, ...lines, ''].join('\n')

describe('parseDefaultRoutes', () => {
  it('puts the one with the smallest metric first', () => {
    const routes = table(
      line('00000000', '0102A8C0', { metric: 200 }),
      line('00000000', '0101A8C0', { metric: 100 }),
      line('0001A8C0', '00000000', { flags: '0001', mask: '00FFFFFF' }),
    )
    expect(parseDefaultRoutes(routes).map(({ ip }) => ip)).toEqual(['192.168.1.1', '192.168.2.1'])
  })

  it.each([
    ['no routes', table()],
    ['nothing', ''],
    ['a route to a device without a gateway', table(line('00000000', '00000000', { flags: '0001' }))],
    ['a default route that is down', table(line('00000000', '0101A8C0', { flags: '0002' }))],
    ['half of the addresses by another way', table(line('00000000', '0101A8C0', { mask: '00000080' }))],
    ['no address', table(line('00000000', 'gateway'))],
  ])('finds none where there is %s', (_what, routes) => {
    expect(parseDefaultRoutes(routes)).toEqual([])
  })
})
