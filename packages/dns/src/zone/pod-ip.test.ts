import { describe, expect, it } from 'vitest'
import { podIpOf } from './pod-ip.ts'

describe('podIpOf', () => {
  it.each([
    ['10-1-0-7', '10.1.0.7'],
    ['fd00--7', 'fd00::7'],
    ['1-2-3-4-5-6-7-8', '1:2:3:4:5:6:7:8'],
    ['0--0', '0::0'],
  ])('reads %s', (label, ip) => {
    expect(podIpOf(label)).toBe(ip)
  })

  it.each([
    '',
    '-',
    '10.1.0.7',
    '10-1-0',
    '010-1-0-7',
    '--ffff-1.2.3.4',
    'fe80--1%eth0',
    'fd00:-7',
    'x',
    'fd00---7',
  ])('finds no address in "%s"', (label) => {
    expect(podIpOf(label)).toBeUndefined()
  })
})
