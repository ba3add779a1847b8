import { formatServicePortName, formatVirtualServicePortName, type ServicePortName } from '@edgeway/core'
import { MemoryLogger, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { AnnotationAdvice } from './annotation-advice.ts'

const WEB = formatServicePortName('shop', 'web', 'http')
const VIRTUAL = formatVirtualServicePortName(WEB, 'web-0')

describe('AnnotationAdvice', () => {
  let annotations: Readonly<Record<string, string>>
  let logger: MemoryLogger
  let advice: AnnotationAdvice

  beforeEach(() => {
    logger = new MemoryLogger()
    const service = serviceOf(WEB, '10.96.0.1', 80)
    const virtual = { ...service, name: 'web@web-0' }
    const services = {
      servicePorts: () => service.ports,
      serviceOf: (name: ServicePortName) => ({ ...(name === VIRTUAL ? virtual : service), annotations }),
    }
    advice = new AnnotationAdvice(services, (message, fields) => logger.warn(message, fields))
  })

  function told(): unknown[] {
    return logger.lines.map(({ fields }) => fields)
  }

  it('tells once of what has no effect, and again when that has changed', () => {
    annotations = { 'edgeway.io/forwarding': 'l4', 'edgeway.io/retries': '2' }
    advice.look(WEB)
    advice.look(WEB)
    annotations = { 'edgeway.io/forwarding': 'l5' }
    advice.lookAtAll()

    expect(told()).toEqual([
      { service: 'shop/web', problems: ['edgeway.io/retries: no effect, edgeway.io/forwarding is l4'] },
      {
        service: 'shop/web',
        problems: ['edgeway.io/forwarding: expected auto or agent or l4 or l7, found "l5"'],
      },
    ])
  })

  it('tells of a mistake that comes back', () => {
    for (const value of ['x', '2', 'x']) {
      annotations = { 'edgeway.io/retries': value }
      advice.look(WEB)
    }

    expect(told()).toHaveLength(2)
  })

  it('does not tell again of each virtual ServicePort', () => {
    annotations = { 'edgeway.io/retries': 'x' }
    advice.look(WEB)
    advice.look(VIRTUAL)

    expect(told()).toMatchObject([{ service: 'shop/web' }])
  })
})
