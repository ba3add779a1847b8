import { type ApiObject, isRecord } from '../api-object.ts'
import { StatusError } from '../status-error.ts'

/** The `scale` of a Deployment: how many replicas there are to be. */
export function readScale({ metadata, spec, status }: ApiObject): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata
  const replicas = (value: unknown): unknown => (isRecord(value) ? (value['replicas'] ?? 0) : 0)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as ApiObject['metadata'],
    spec: { replicas: replicas(spec) },
    status: { replicas: replicas(status) },
  }
}

/**
 * The Deployment with the replicas of a Scale, and its resourceVersion if it names one.
 *
 * @throws {StatusError} `BadRequest` for what is no Scale
 */
export function withScale(object: ApiObject, scale: unknown): ApiObject {
  const wanted = isRecord(scale) && isRecord(scale['spec']) ? (scale['spec']['replicas'] ?? 0) : undefined
  if (!Number.isInteger(wanted) || Number(wanted) < 0)
    throw new StatusError('BadRequest', 'spec.replicas of a Scale is a whole number, 0 or more')
  const spec = isRecord(object['spec']) ? object['spec'] : {}
  const { resourceVersion } = isRecord(scale) && isRecord(scale['metadata']) ? scale['metadata'] : {}
  const metadata =
    typeof resourceVersion === 'string' ? { ...object.metadata, resourceVersion } : object.metadata
  return { ...object, metadata, spec: { ...spec, replicas: wanted } }
}
