import { expect, it } from 'vitest'
import { cpuTicks, cpuTicksWithChildren, machineCpuTicks } from '../cpu.ts'
import { parseIperf3 } from './iperf3.ts'
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
