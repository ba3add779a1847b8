import { describe, expect, it } from 'vitest'
import { builtinSchema } from '../schema/builtin-schema.ts'
import { applyStrategicMergePatch } from './strategic-merge.ts'

const SERVICE = builtinSchema('V1Service')
const POD = builtinSchema('V1Pod')

function patchService(target: object, patch: object): unknown {
  return applyStrategicMergePatch({ ...target }, { ...patch }, SERVICE)
}

describe('a strategic merge patch', () => {
  const ports = [
    { name: 'a', port: 80 },
    { name: 'b', port: 81 },
  ]

  it('merges items of a list by their merge key, and adds those that are new', () => {
    expect(
      patchService(
        { spec: { ports } },
        {
          spec: {
            ports: [
              { port: 81, protocol: 'UDP' },
              { name: 'c', port: 82 },
            ],
          },
        },
      ),
    ).toEqual({
      spec: { ports: [ports[0], { name: 'b', port: 81, protocol: 'UDP' }, { name: 'c', port: 82 }] },
    })
  })

  it('deletes an item', () => {
    expect(patchService({ spec: { ports } }, { spec: { ports: [{ $patch: 'delete', port: 80 }] } })).toEqual({
      spec: { ports: [ports[1]] },
    })
  })

  it('replaces a list or a map as a whole', () => {
    expect(
      patchService({ spec: { ports } }, { spec: { ports: [{ $patch: 'replace' }, { port: 1 }] } }),
    ).toEqual({ spec: { ports: [{ port: 1 }] } })
    expect(
      patchService(
        { spec: { selector: { a: '1', b: '2' } } },
        { spec: { selector: { $patch: 'replace', c: '3' } } },
      ),
    ).toEqual({ spec: { selector: { c: '3' } } })
  })

  it('replaces lists that have no merge key', () => {
    expect(patchService({ spec: { externalIPs: ['a', 'b'] } }, { spec: { externalIPs: ['c'] } })).toEqual({
      spec: { externalIPs: ['c'] },
    })
  })

  it('adds to and takes from lists of plain values that are sets', () => {
    const target = { metadata: { finalizers: ['a', 'b'] } }
    expect(patchService(target, { metadata: { finalizers: ['b', 'c'] } })).toEqual({
      metadata: { finalizers: ['a', 'b', 'c'] },
    })
    expect(patchService(target, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toEqual({
      metadata: { finalizers: ['b'] },
    })
  })

  it('orders items as the patch does, and leaves those of others where they were', () => {
    const target = { spec: { ports: [{ port: 1 }, { port: 2 }, { port: 3 }] } }
    const patch = { '$setElementOrder/ports': [{ port: 3 }, { port: 4 }, { port: 2 }], ports: [{ port: 4 }] }
    expect(patchService(target, { spec: patch })).toEqual({
      spec: { ports: [{ port: 1 }, { port: 3 }, { port: 4 }, { port: 2 }] },
    })
  })

  it('keeps only the named fields of a union', () => {
    const target = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } }
    const patch = {
      spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] },
    }
    expect(applyStrategicMergePatch(target, patch, POD)).toEqual({
      spec: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] },
    })
  })

  it('puts new items first, as kube-apiserver does, unless the patch says where they belong', () => {
    expect(patchService({ spec: { ports } }, { spec: { ports: [{ name: 'c', port: 82 }] } })).toEqual({
      spec: { ports: [{ name: 'c', port: 82 }, ...ports] },
    })
    expect(patchService({ metadata: { finalizers: ['a'] } }, { metadata: { finalizers: ['b'] } })).toEqual({
      metadata: { finalizers: ['b', 'a'] },
    })
  })

  it('keeps items of one key apart that differ in what is no key, and deletes them together', () => {
    const twins = [
      { port: 53, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ]
    const order = { '$setElementOrder/ports': [{ port: 53 }, { port: 53 }] }
    expect(patchService({ spec: { ports: twins } }, { spec: order })).toEqual({ spec: { ports: twins } })
    expect(
      patchService({ spec: { ports: twins } }, { spec: { ports: [{ $patch: 'delete', port: 53 }] } }),
    ).toEqual({
      spec: { ports: [] },
    })
  })

  it('replaces the list although the directive stands in an item that has more', () => {
    const patch = { spec: { ports: [{ $patch: 'replace', port: 80 }, { port: 1 }] } }
    expect(patchService({ spec: { ports } }, patch)).toEqual({ spec: { ports: [{ port: 1 }] } })
  })

  it('takes what is new without its directives and nulls', () => {
    const patch = { spec: { selector: { a: '1', b: null }, ports: [{ port: 1, name: null }] } }
    expect(patchService({}, patch)).toEqual({ spec: { selector: { a: '1' }, ports: [{ port: 1 }] } })
  })

  it('leaves what it was given as it was', () => {
    const target = { spec: { ports: [{ name: 'a', port: 80 }], selector: { a: '1' } } }
    const before = structuredClone(target)
    patchService(target, { spec: { ports: [{ port: 80, name: 'b' }], selector: { a: null } } })
    expect(target).toEqual(before)
  })

  it('deletes fields by null', () => {
    expect(patchService({ spec: { type: 'NodePort', ports } }, { spec: { type: null } })).toEqual({
      spec: { ports },
    })
  })

  it.each([
    ['an item without its merge key', { spec: { ports: [{ name: 'a' }] } }],
    ['a deletion without the merge key', { spec: { ports: [{ $patch: 'delete' }] } }],
    ['a directive that nobody knows', { spec: { $patch: 'merge-somehow' } }],
    ['a directive that nobody knows, in an item', { spec: { ports: [{ $patch: 'merge', port: 80 }] } }],
    [
      'an item that its order does not have',
      { spec: { '$setElementOrder/ports': [{ port: 80 }], ports: [{ port: 82 }] } },
    ],
    [
      'items in another order than it names',
      {
        spec: {
          '$setElementOrder/ports': [{ port: 80 }, { port: 81 }],
          ports: [{ port: 81 }, { port: 80 }],
        },
      },
    ],
    ['a field beside those it retains', { spec: { $retainKeys: ['type'], clusterIP: 'None' } }],
  ])('is refused for %s', (_what, patch) => {
    expect(() => patchService({ spec: { ports } }, patch)).toThrow(
      expect.objectContaining({ reason: 'BadRequest' }),
    )
  })
})
