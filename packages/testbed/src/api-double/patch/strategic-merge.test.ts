import fc from 'fast-check'
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

  it('deletes fields by null', () => {
    expect(patchService({ spec: { type: 'NodePort', ports } }, { spec: { type: null } })).toEqual({
      spec: { ports },
    })
  })

  it.each([
    ['an item without its merge key', { spec: { ports: [{ name: 'a' }] } }],
    ['a directive that nobody knows', { spec: { $patch: 'merge-somehow' } }],
  ])('is refused for %s', (_what, patch) => {
    expect(() => patchService({ spec: { ports } }, patch)).toThrow(
      expect.objectContaining({ reason: 'BadRequest' }),
    )
  })
})

/** A list keyed by `port` and a map, as in a Service: the model's whole world. */
interface Model {
  readonly ports: ReadonlyMap<number, Readonly<Record<string, string>>>
  readonly selector: Readonly<Record<string, string>>
}

const FIELDS = ['name', 'appProtocol'] as const
const values = fc.constantFrom('x', 'y', 'z')
const item = fc.dictionary(fc.constantFrom(...FIELDS), values)
const model: fc.Arbitrary<Model> = fc.record({
  ports: fc
    .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), item), { selector: ([port]) => port, maxLength: 6 })
    .map((entries) => new Map(entries)),
  selector: fc.dictionary(fc.constantFrom('a', 'b', 'c'), values),
})

function objectOf({ ports, selector }: Model): Record<string, unknown> {
  return { spec: { ports: [...ports].map(([port, fields]) => ({ port, ...fields })), selector } }
}

function differenceOf(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Record<string, string | null> {
  const gone = Object.keys(before).filter((key) => !(key in after))
  const changed = Object.entries(after).filter(([key, value]) => before[key] !== value)
  return { ...Object.fromEntries(gone.map((key) => [key, null])), ...Object.fromEntries(changed) }
}

/**
 * What `kubectl apply` sends: what was applied before and is no more is deleted, what is wanted and not there is added
 * or changed, and the order is said.
 */
function patchFor(applied: Model, wanted: Model, live: Model): Record<string, unknown> {
  const deletions = [...applied.ports.keys()]
    .filter((port) => !wanted.ports.has(port))
    .map((port) => ({ $patch: 'delete', port }))
  const changes = [...wanted.ports].map(([port, fields]) => {
    const dropped = Object.keys(applied.ports.get(port) ?? {}).filter((key) => !(key in fields))
    const changed = Object.entries(fields).filter(([key, value]) => live.ports.get(port)?.[key] !== value)
    return { port, ...Object.fromEntries(dropped.map((key) => [key, null])), ...Object.fromEntries(changed) }
  })
  const dropped = Object.keys(applied.selector).filter((key) => !(key in wanted.selector))
  const selector = {
    ...Object.fromEntries(dropped.map((key) => [key, null])),
    ...differenceOf({}, wanted.selector),
  }
  const order = [...wanted.ports.keys()].map((port) => ({ port }))
  return { spec: { '$setElementOrder/ports': order, ports: [...changes, ...deletions], selector } }
}

/** The model's own answer, straight from what apply means: fields nobody applied stay, applied ones are as wanted. */
function expectedOf(applied: Model, wanted: Model, live: Model): Model {
  const merged = (
    before: Readonly<Record<string, string>> = {},
    after: Readonly<Record<string, string>> = {},
    there: Readonly<Record<string, string>> = {},
  ): Record<string, string> => {
    const foreign = Object.entries(there).filter(([key]) => !(key in before))
    return { ...Object.fromEntries(foreign), ...after }
  }
  const kept = [...live.ports].filter(([port]) => !applied.ports.has(port) && !wanted.ports.has(port))
  const ports = [...wanted.ports].map(([port, fields]): [number, Record<string, string>] => [
    port,
    merged(applied.ports.get(port), fields, live.ports.get(port)),
  ])
  return {
    ports: new Map([...kept, ...ports]),
    selector: merged(applied.selector, wanted.selector, live.selector),
  }
}

function portsOf(object: unknown): { readonly port: number }[] {
  return (object as { spec: { ports: { port: number }[] } }).spec.ports
}

describe('what kubectl apply sends', () => {
  it('leads to what was wanted, with what others wrote, for whatever was applied before', () => {
    fc.assert(
      fc.property(model, model, model, (applied, wanted, live) => {
        const patched = applyStrategicMergePatch(objectOf(live), patchFor(applied, wanted, live), SERVICE)
        const expected = objectOf(expectedOf(applied, wanted, live))
        const byPort = (object: unknown) => new Map(portsOf(object).map((port) => [port.port, port]))

        expect(byPort(patched)).toEqual(byPort(expected))
        expect(patched).toMatchObject({ spec: { selector: (expected['spec'] as Model).selector } })
        const order = portsOf(patched).map(({ port }) => port)
        expect(order.filter((port) => wanted.ports.has(port))).toEqual([...wanted.ports.keys()])
      }),
      { numRuns: 1_000 },
    )
  })
})
