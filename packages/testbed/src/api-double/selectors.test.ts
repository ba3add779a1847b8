import { describe, expect, it } from 'vitest'
import type { ApiObject } from './api-object.ts'
import { type KindName, kindNamed } from './kinds.ts'
import { parseFieldSelector, parseLabelSelector } from './selectors.ts'

function labelled(labels: Record<string, string>): ApiObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', labels } }
}

describe('a label selector', () => {
  it.each([
    ['size>2', { size: '3' }, true],
    ['size>2', { size: '2' }, false],
    ['size < 2', { size: '-1' }, true],
    ['size>2', { size: 'big' }, false],
    ['size<2', {}, false],
    ['app in(web,db)', { app: 'db' }, true],
    ['app notin(web,db),tier', { app: 'x', tier: '' }, true],
    ['app notin (web)', {}, true],
    ['app==web', { app: 'web' }, true],
    ['app=', { app: '' }, true],
    ['constructor', {}, false],
    ['!toString', {}, true],
  ])('%s of %j: %s', (text, labels, isSelected) => {
    expect(parseLabelSelector(text)(labelled(labels as Record<string, string>))).toBe(isSelected)
  })

  it.each(['=', 'a=b=c', 'a in b', 'a>x', '-a', 'a,,b'])('can not be %s', (text) => {
    expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ reason: 'BadRequest' }))
  })
})

describe('a field selector', () => {
  it.each([
    ['Pod', 'spec.nodeName=edge-1', { spec: { nodeName: 'edge-1' } }, true],
    ['Pod', 'spec.nodeName!=edge-1', {}, true],
    ['Pod', 'spec.hostNetwork=false', {}, true],
    ['Node', 'spec.unschedulable=true', { spec: { unschedulable: true } }, true],
    ['Secret', 'type==Opaque,metadata.name=a', { type: 'Opaque' }, true],
    ['Service', 'spec.type=ClusterIP', { spec: { type: 'NodePort' } }, false],
  ] as const)('of a %s, %s of %j: %s', (...[kind, text, content, isSelected]) => {
    const object = { ...labelled({}), ...content }
    expect(parseFieldSelector(text, kindNamed(kind))(object)).toBe(isSelected)
  })

  it.each([
    ['Service', 'spec.nodeName=x'],
    ['ConfigMap', 'type=x'],
    ['Pod', 'metadata.labels=x'],
    ['Pod', 'nonsense'],
  ] as readonly [KindName, string][])('of a %s can not be %s', (kind, text) => {
    expect(() => parseFieldSelector(text, kindNamed(kind))).toThrow(
      expect.objectContaining({ reason: 'BadRequest' }),
    )
  })
})
