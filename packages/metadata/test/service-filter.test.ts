import { formatServicePortName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import type { ServiceFilterMode } from '../src/mappers/service-mapper.ts'
import { service, slice } from './support/objects.ts'
import { eventually, RunningMetadata } from './support/running-metadata.ts'
import { list, openWatch, ScriptedSource } from './support/scripted-source.ts'

const LABEL = 'service.edgemesh.kubeedge.io/service-proxy-name'
const PLAIN = service('plain', '10.96.0.1', { resourceVersion: '1' })

function labelled(resourceVersion: string, labels: Readonly<Record<string, string>> = { [LABEL]: '' }) {
  const { metadata, ...rest } = service('labelled', '10.96.0.2')
  return { ...rest, metadata: { ...metadata, resourceVersion, labels } }
}

function proxied(running: RunningMetadata): Record<string, boolean> {
  return Object.fromEntries([...running.services.servicePorts()].map((port) => [port.name, port.proxied]))
}

describe('the filter for Services', () => {
  it.each<[ServiceFilterMode, boolean]>([
    ['FilterIfLabelExists', false],
    ['FilterIfLabelDoesNotExists', true],
  ])(
    '%s leaves the others to another proxy, which still are in the directory',
    async (mode, whenLabelled) => {
      await using source = await ScriptedSource.start({
        services: [list([PLAIN, labelled('2')])],
        'services?watch': [openWatch({ type: 'MODIFIED', object: labelled('11', {}) })],
        endpointslices: [list([slice('labelled-1', 'labelled', ['edge-1/10.1.0.1'])])],
        'endpointslices?watch': [openWatch()],
      })
      await using running = await RunningMetadata.start(source.url, { serviceFilterMode: mode })
      const seen: unknown[] = []
      running.services.watch(() => void seen.push(proxied(running)))
      await running.services.whenLoaded(AbortSignal.timeout(15_000))
      await eventually(() =>
        expect(proxied(running)).toEqual({
          'shop/plain:http': !whenLabelled,
          'shop/labelled:http': !whenLabelled,
        }),
      )
      expect(seen[0]).toEqual({ 'shop/plain:http': !whenLabelled, 'shop/labelled:http': whenLabelled })
      expect(running.endpoints('shop/labelled:http')).toEqual(['10.1.0.1'])
    },
  )
})

describe('a list', () => {
  it('tells of each ServicePort once, whatever it is made of', async () => {
    const slices = ['1', '2', '3'].map((part) => slice(`plain-${part}`, 'plain', [`edge-1/10.1.0.${part}`]))
    await using source = await ScriptedSource.start({
      services: [list([PLAIN, labelled('2')])],
      'services?watch': [openWatch()],
      endpointslices: [list([...slices, slice('labelled-1', 'labelled', ['edge-1/10.1.0.9'])])],
      'endpointslices?watch': [openWatch()],
    })
    await using running = await RunningMetadata.start(source.url)
    const told: string[] = []
    running.services.watch((changed) => {
      // Whoever looks sees all of the list, not a part.
      told.push(`${changed} ${running.endpoints(formatServicePortName('shop', 'plain', 'http')).length}`)
    })
    await running.services.whenLoaded(AbortSignal.timeout(15_000))
    // Services come in one list, endpoints in another, in either order.
    expect(told.filter((line) => line.startsWith('shop/plain')).length).toBeLessThanOrEqual(2)
    expect(told.at(-1)).toMatch(/ 3$/)
    expect(new Set(told).size).toBe(told.length)
  })
})
