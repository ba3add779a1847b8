import { isRecord } from '../api-object.ts'
import { invalidValue } from './invalid.ts'
import type { AdmissionRequest, Admitted } from './rule.ts'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** `stringData` is for writing only: its values go into `data`. */
export function admitSecret({ object }: AdmissionRequest): Admitted {
  const { stringData, ...rest } = object
  const data = { ...(isRecord(object['data']) ? object['data'] : {}) }
  for (const [key, value] of Object.entries(isRecord(stringData) ? stringData : {}))
    data[key] = Buffer.from(String(value)).toString('base64')
  const causes = Object.entries(data)
    .filter(([, value]) => typeof value !== 'string' || !BASE64.test(value))
    .map(([key]) => invalidValue(`data[${key}]`, '<secret>', 'must be base64'))
  const filled = Object.keys(data).length === 0 ? rest : { ...rest, data }
  return { object: { ...filled, type: object['type'] ?? 'Opaque' } as Admitted['object'], causes }
}
