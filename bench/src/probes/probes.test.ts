import { expect, it } from 'vitest'
import { cpuTicks, cpuTicksWithChildren, machineCpuTicks } from '../cpu.ts'
import { parseResidentBytes } from '../memory.ts'
import { quantile } from './echo-connection.ts'
import { parseIperf3 } from './iperf3.ts'
import { parseUdpExchange, udpFigures } from './udp.ts'
import { parseWrk } from './wrk.ts'

it('reads what iperf3 received', () => {
  const report = { end: { sum_received: { bits_per_second: 5e9, bytes: 625e6 } } }
  expect(parseIperf3(JSON.stringify(report))).toEqual({ mbitPerSecond: 5_000, bytes: 625e6 })
})

it('reads the rate that wrk reached, and refuses a run without one', () => {
  expect(parseWrk('  2 requests in 1.00s\nRequests/sec:  81795.31\nTransfer/sec: 1MB\n')).toBe(81_795.31)
  expect(() => parseWrk('unable to connect')).toThrow('wrote no rate')
})

it('reads the CPU time of a process with any name', () => {
  const fields = ['S', ...Array.from({ length: 10 }, () => '0'), '120', '30', '7', '3', '0']
  expect(cpuTicks(`42 (a) b (c) ${fields.join(' ')}`)).toBe(150)
  expect(cpuTicksWithChildren(`42 (a) b (c) ${fields.join(' ')}`)).toBe(160)
})

it('counts as busy what the machine did not spend idle, waiting or elsewhere', () => {
  const stat = 'cpu  100 20 30 4000 500 6 7 800 90 0\ncpu0 1 1 1 1 1 1 1 1 1 0\n'
  expect(machineCpuTicks(stat)).toBe(100 + 20 + 30 + 6 + 7)
})

it('counts a datagram there and back as two packets', () => {
  const exchange = { seconds: 2, answered: 30_000, lost: 0, clientCpuSeconds: 1 }
  const figures = udpFigures({ ...exchange, carrierCpuSeconds: 1.2, machineCpuSeconds: 3 })
  expect(figures.packetsPerSecond).toBe(30_000)
  expect(figures.carrierUsPerPacket).toBeCloseTo(20)
  expect(figures.machineUsPerPacket).toBeCloseTo(50)
  expect(figures.clientPercent).toBe(50)
  expect(figures.lostPercent).toBe(0)
})

it('says how many datagrams of all were lost', () => {
  const cpu = { carrierCpuSeconds: 0, machineCpuSeconds: 0, clientCpuSeconds: 0 }
  expect(udpFigures({ seconds: 1, answered: 75, lost: 25, ...cpu }).lostPercent).toBe(25)
})

it('says why no datagrams were exchanged', () => {
  expect(() => parseUdpExchange('{"reason":"no datagram came back"}\n')).toThrow('no datagram came back')
  expect(() => parseUdpExchange('{"answered":0}\n')).toThrow('any more')
})

it('takes from many times the one that so many are below', () => {
  const times = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect(quantile(times, 0.5)).toBe(51)
  expect(quantile(times, 0.99)).toBe(100)
  expect(quantile([], 0.5)).toBeNaN()
})

it('reads the resident memory of a process', () => {
  expect(parseResidentBytes('Name:\tnode\nVmHWM:\t  900 kB\nVmRSS:\t  123 kB\n')).toBe(123 * 1_024)
})
