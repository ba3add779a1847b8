import { isDeepStrictEqual } from 'node:util'
import { isRecord } from '../api-object.ts'
import type { StatusCause } from '../status-error.ts'
import { duplicate, invalidValue, required } from './invalid.ts'
import type { AdmissionRequest, Admitted } from './rule.ts'

type Fields = Readonly<Record<string, unknown>>

/** DaemonSets and Deployments: the selector means the template's own pods, and containers have names and images. */
export function admitWorkload({ object, former }: AdmissionRequest): Admitted {
  const spec = recordOf(object['spec'])
  const template = recordOf(spec['template'])
  const selector = recordOf(recordOf(spec['selector'])['matchLabels'])
  const labels = recordOf(recordOf(template['metadata'])['labels'])
  const causes: StatusCause[] = [...checkContainers(recordOf(template['spec']))]
  if (!Object.entries(selector).every(([key, value]) => labels[key] === value))
    causes.push(
      invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    )
  const formerSelector = recordOf(former?.['spec'])['selector']
  if (former !== undefined && !isDeepStrictEqual(formerSelector, spec['selector']))
    causes.push(invalidValue('spec.selector', spec['selector'], 'field is immutable'))
  const replicas = object.kind === 'Deployment' ? { replicas: spec['replicas'] ?? 1 } : {}
  return { object: { ...object, spec: { ...spec, ...replicas } }, causes }
}

function checkContainers(pod: Fields): StatusCause[] {
  const path = 'spec.template.spec.containers'
  const containers: unknown[] = Array.isArray(pod['containers']) ? pod['containers'] : []
  if (containers.length === 0) return [required(path)]
  const names = containers.map((container) => recordOf(container)['name'])
  const volumes: unknown[] = Array.isArray(pod['volumes']) ? pod['volumes'] : []
  const volumeNames = volumes.map((volume) => recordOf(volume)['name'])
  return containers.flatMap((value, index): StatusCause[] => {
    const container = recordOf(value)
    const at = `${path}[${index}]`
    const mounts: unknown[] = Array.isArray(container['volumeMounts']) ? container['volumeMounts'] : []
    return [
      ...(container['image'] === undefined ? [required(`${at}.image`)] : []),
      ...(names.indexOf(container['name']) < index ? [duplicate(`${at}.name`, container['name'])] : []),
      ...mounts.flatMap((mount, place) => {
        const name = recordOf(mount)['name']
        if (volumeNames.includes(name)) return []
        return [
          {
            reason: 'FieldValueInvalid' as const,
            message: `Not found: ${JSON.stringify(name)}`,
            field: `${at}.volumeMounts[${place}].name`,
          },
        ]
      }),
    ]
  })
}

function recordOf(value: unknown): Fields {
  return isRecord(value) ? value : {}
}
