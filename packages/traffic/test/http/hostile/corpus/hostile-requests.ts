import { chunks } from './chunks.ts'
import { destinations } from './destinations.ts'
import { fields } from './fields.ts'
import { hopByHop } from './hop-by-hop.ts'
import type { HostileRequest } from './hostile-request.ts'
import { lengths } from './lengths.ts'
import { lines } from './lines.ts'
import { pipelines } from './pipelines.ts'
import { requestLines } from './request-lines.ts'
import { sizes } from './sizes.ts'
import { transferCodings } from './transfer-codings.ts'
import { upgrades } from './upgrades.ts'

/** Malformed and ambiguous requests of HTTP/1.x, with some that only seem so among them. */
export const HOSTILE_REQUESTS: readonly HostileRequest[] = [
  ...transferCodings(),
  ...lengths(),
  ...chunks(),
  ...lines(),
  ...fields(),
  ...destinations(),
  ...requestLines(),
  ...sizes(),
  ...hopByHop(),
  ...upgrades(),
  ...pipelines(),
]
