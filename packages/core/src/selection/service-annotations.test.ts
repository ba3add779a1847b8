import { describe, expect, it } from 'vitest'
import { annotationProblems, nodeWeights, topologyWords } from './service-annotations.ts'

const BALANCINGS =
  'random or round-robin or least-connections or peak-ewma or source-ip-hash or server-name-hash'
const WEIGHTS = 'expected a list of node=1 to 100'
const CLASSES = 'node, lan, nodegroup, zone, region, cloud, any'

describe('annotationProblems', () => {
  it.each([
    {},
    { 'edgeway.io/topology': 'node, lan,any' },
    { 'edgeway.io/forwarding': 'auto' },
    { 'edgeway.io/forwarding': 'agent' },
    { 'edgeway.io/intercept': 'true' },
    { 'edgeway.io/intercept': 'false' },
    { 'edgeway.io/balancing': 'random' },
    { 'edgeway.io/balancing': 'round-robin' },
    { 'edgeway.io/balancing': 'least-connections' },
    { 'edgeway.io/balancing': 'peak-ewma' },
    { 'edgeway.io/balancing': 'source-ip-hash' },
    { 'edgeway.io/weights': 'edge-1=1' },
    { 'edgeway.io/weights': ' edge-1 = 100, edge-2.example.org=7 ,' },
    { 'edgeway.io/proxy-protocol': 'v2' },
    { 'edgeway.io/health-check': 'tcp' },
    { 'edgeway.io/health-check': 'off' },
    { 'apps.kubeedge.io/service-topology': 'anything' },
  ])('has nothing against %o', (annotations) => {
    expect(annotationProblems(annotations)).toEqual([])
  })

  it.each([
    ['edgeway.io/topolgy', 'node', 'no such annotation of a Service'],
    ['edgeway.io/forwarding', 'kernel', 'expected auto or agent or l4 or l7, found "kernel"'],
    ['edgeway.io/intercept', 'yes', 'expected true or false, found "yes"'],
    ['edgeway.io/balancing', '', `expected ${BALANCINGS}, found ""`],
    ['edgeway.io/proxy-protocol', 'v1', 'expected v2, found "v1"'],
    ['edgeway.io/health-check', 'http', 'expected tcp or off, found "http"'],
    ['edgeway.io/weights', '', `${WEIGHTS}, found none`],
    ['edgeway.io/weights', ' , ', `${WEIGHTS}, found none`],
    ['edgeway.io/weights', 'edge-1', `${WEIGHTS}, found "edge-1"`],
    ['edgeway.io/weights', '=3', `${WEIGHTS}, found "=3"`],
    ['edgeway.io/weights', 'edge-1=0', `${WEIGHTS}, found "edge-1=0"`],
    ['edgeway.io/weights', 'edge-1=101', `${WEIGHTS}, found "edge-1=101"`],
    ['edgeway.io/weights', 'edge-1=-1', `${WEIGHTS}, found "edge-1=-1"`],
    ['edgeway.io/weights', 'edge-1=1.5', `${WEIGHTS}, found "edge-1=1.5"`],
    ['edgeway.io/weights', 'edge-1=1000', `${WEIGHTS}, found "edge-1=1000"`],
    ['edgeway.io/weights', 'Edge=3', `${WEIGHTS}, found "Edge=3"`],
    ['edgeway.io/weights', 'a=1 b=2', `${WEIGHTS}, found "a=1 b=2"`],
    ['edgeway.io/topology', 'node,Lan', `expected a list of ${CLASSES}, found "Lan"`],
    ['edgeway.io/topology', ' , ', `expected a list of ${CLASSES}, found none`],
  ])('says of %s: %j what was expected and what was found', (name, value, problem) => {
    expect(annotationProblems({ [name]: value })).toEqual([`${name}: ${problem}`])
  })

  it('names every word and every annotation that is wrong', () => {
    const problems = annotationProblems({
      'edgeway.io/topology': 'planet, node, moon',
      'edgeway.io/intercept': 'no',
      'edgeway.io/weights': 'a=0, b=1, c',
    })

    const found = ['planet', 'moon', 'no', 'a=0', 'c']
    expect(problems.map((problem) => /found "(.+)"/.exec(problem)?.[1])).toEqual(found)
  })

  it('is not misled by names that every object has', () => {
    expect(annotationProblems({ constructor: 'x', toString: 'y' })).toEqual([])
  })
})

describe('topologyWords', () => {
  it('has the words in their order, without spaces and empty ones', () => {
    expect(topologyWords({ 'edgeway.io/topology': ' zone,, node ,x' })).toEqual(['zone', 'node', 'x'])
  })

  it('is empty without the annotation', () => {
    expect(topologyWords({})).toEqual([])
  })
})

describe('nodeWeights', () => {
  it('has the weights by node, without spaces', () => {
    const weights = nodeWeights({ 'edgeway.io/weights': ' edge-1 = 3,edge-2.example.org=100 ,' })

    expect([...weights]).toEqual([
      ['edge-1', 3],
      ['edge-2.example.org', 100],
    ])
  })

  it('is not read when it is longer than anybody needs, which is told', () => {
    const annotations = { 'edgeway.io/weights': 'a=1,'.repeat(2_000) }

    expect(nodeWeights(annotations).size).toBe(0)
    expect(annotationProblems(annotations)).toEqual([
      'edgeway.io/weights: expected at most 4096 characters, found 8000',
    ])
  })

  it('is told of a node that is there twice', () => {
    expect(annotationProblems({ 'edgeway.io/weights': 'a=1, b=2, a=3' })).toEqual([
      'edgeway.io/weights: expected a list of node=1 to 100, found the node of "a=3" twice',
    ])
  })

  it('leaves out what can not be read, and keeps the rest', () => {
    const weights = nodeWeights({ 'edgeway.io/weights': 'a=0, b=101, c, d=-1, e=1.5, =2, f=1' })

    expect([...weights]).toEqual([['f', 1]])
  })

  it('is empty without the annotation', () => {
    expect(nodeWeights({}).size).toBe(0)
  })
})
