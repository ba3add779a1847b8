import { expect, it } from 'vitest'
import { EDGEMESH_DNS_QUERIES } from '../../edgemesh.ts'
import { absolute, compare } from '../result.ts'
import { latenciesIn, parseDnsperf } from './dnsperf.ts'
import { clusterNames, hostsOf, queriesOf } from './names.ts'
import { withEdgeMesh } from './with-edgemesh.ts'

const ENDED = `Statistics:

  Queries sent:         84010
  Queries completed:    84000 (99.99%)
  Queries lost:         10 (0.01%)

  Response codes:       NOERROR 84000 (100.00%)
  Average packet size:  request 46, response 62
  Run time (s):         2.000100
  Queries per second:   41997.900105
`

it('reads what dnsperf reached', () => {
  const run = parseDnsperf(ENDED)
  expect(run).toMatchObject({ completed: 84_000, queriesPerSecond: 41_997.900_105 })
  expect(run.lostPercent).toBeCloseTo(0.0119)
})

it('refuses a run in which not every answer was one', () => {
  const codes = 'NOERROR 83999 (100.00%), SERVFAIL 1 (0.00%)'
  expect(() => parseDnsperf(ENDED.replace(/NOERROR.*/, codes))).toThrow('answers only')
  expect(() => parseDnsperf('Error: unable to connect')).toThrow('answers only')
})

it('reads what each answer took, in milliseconds', () => {
  const lines = '[Status] Sending\n> NOERROR s-1.bench A 0.000250\n> NOERROR s-2.bench A 0.001000\n'
  expect(latenciesIn(lines)).toEqual([0.25, 1])
})

it('asks for each name once, and for no two Services in the order in which they were made', () => {
  const names = clusterNames(10_000)
  const lines = queriesOf(names).trimEnd().split('\n')
  expect(new Set(lines)).toEqual(new Set([...names.keys()].map((name) => `${name} A`)))
  expect(lines[1]).not.toBe('s-1.bench.svc.cluster.local A')
})

it('gives peers the addresses that Services have', () => {
  expect(hostsOf(clusterNames(10_000)).split('\n')[251]).toBe('10.98.1.2 s-251.bench.svc.cluster.local')
})

it('names the figure of EdgeMesh beside our queries a second', () => {
  const name = { bench: 'dns', case: 'cluster names', metric: 'queries', unit: '/s' }
  const ours = absolute(name, [EDGEMESH_DNS_QUERIES, EDGEMESH_DNS_QUERIES * 2, EDGEMESH_DNS_QUERIES * 3])
  const others = [
    compare(name, [1], { name: 'unbound', values: [2] }),
    absolute({ ...name, metric: 'p99 ms at half load' }, [1]),
  ]
  expect(withEdgeMesh([ours, ...others])).toEqual([
    ours,
    { ...ours, reference: EDGEMESH_DNS_QUERIES, referenceName: 'EdgeMesh', ratio: 2, spread: [1, 3] },
    ...others,
  ])
})
