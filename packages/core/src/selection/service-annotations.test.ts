import { describe, expect, it } from 'vitest'
import { annotationProblems, topologyWords } from './service-annotations.ts'

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
    { 'edgeway.io/balancing': 'source-ip-hash' },
    { 'apps.kubeedge.io/service-topology': 'anything' },
  ])('has nothing against %o', (annotations) => {
    expect(annotationProblems(annotations)).toEqual([])
  })

  it.each([
    ['edgeway.io/topolgy', 'node', 'no such annotation of a Service'],
    ['edgeway.io/forwarding', 'kernel', 'expected auto or agent, found "kernel"'],
    ['edgeway.io/intercept', 'yes', 'expected true or false, found "yes"'],
    ['edgeway.io/balancing', '', 'expected random or round-robin or source-ip-hash, found ""'],
    ['edgeway.io/topology', 'node,Lan', `expected a list of ${CLASSES}, found "Lan"`],
    ['edgeway.io/topology', ' , ', `expected a list of ${CLASSES}, found none`],
  ])('says of %s: %j what was expected and what was found', (name, value, problem) => {
    expect(annotationProblems({ [name]: value })).toEqual([`${name}: ${problem}`])
  })

  it('names every word and every annotation that is wrong', () => {
    const problems = annotationProblems({
      'edgeway.io/topology': 'planet, node, moon',
      'edgeway.io/intercept': 'no',
    })

    expect(problems.map((problem) => /found "(.+)"/.exec(problem)?.[1])).toEqual(['planet', 'moon', 'no'])
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
