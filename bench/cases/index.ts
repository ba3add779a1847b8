import type { BenchCase } from './case.ts'
import { connections } from './connections.ts'
import { dns } from './dns.ts'
import { footprint } from './footprint.ts'
import { http } from './http.ts'
import { metadata } from './metadata.ts'
import { paths } from './paths.ts'
import { proxier } from './proxier.ts'
import { relayed } from './relayed.ts'
import { relays } from './relays.ts'
import { start } from './start.ts'
import { traffic } from './traffic.ts'

/** Every bench there is, in the order in which they run. A new one is a file here and a line below. */
export const BENCHES: readonly BenchCase[] = [
  start,
  footprint,
  metadata,
  dns,
  proxier,
  traffic,
  http,
  relayed,
  connections,
  relays,
  paths,
]
