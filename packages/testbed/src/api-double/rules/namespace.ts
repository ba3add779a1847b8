import { isRecord } from '../api-object.ts'
import type { AdmissionRequest, Admitted } from './rule.ts'

/** A Namespace is held by its content: it goes when that is gone. */
export function admitNamespace({ object, former }: AdmissionRequest): Admitted {
  const { name } = object.metadata
  const labels = { 'kubernetes.io/metadata.name': name, ...object.metadata.labels }
  const spec = isRecord(object['spec']) ? object['spec'] : {}
  return {
    object: {
      ...object,
      metadata: { ...object.metadata, labels },
      spec: { ...spec, finalizers: spec['finalizers'] ?? ['kubernetes'] },
      status: former?.['status'] ?? { phase: 'Active' },
    },
    causes: [],
  }
}
