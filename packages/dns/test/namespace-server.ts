// Runs inside a network namespace: a responder on 127.0.0.1 with a small cluster, for the clients of that namespace. Says
// "answering" once it does, and answers until it is ended.

import { once } from 'node:events'
import type { NodeName } from '@edgeway/core'
import { FakeComponentDeps, FakeServiceDirectory } from '@edgeway/testbed'
import { DEFAULT_DNS_OPTIONS, DnsServer } from '../src/index.ts'
import { FakeUpstream } from './support/fake-upstream.ts'
import { decode } from './support/query.ts'
import { addressRecord, replyOf, soaRecord } from './support/reply.ts'
import { zoneEndpoint, zoneService } from './support/zone.ts'

/** How many endpoints the headless Service `db.shop` has. */
export const ENDPOINTS = 500

const services = new FakeServiceDirectory()
services.set(zoneService('shop/web', [['http', 80]], { clusterIps: ['10.96.0.1', 'fd00::1'] }))
services.set(zoneService('shop/four', [['http', 80]], { clusterIps: ['10.96.0.4'] }))
services.set(
  zoneService('shop/db', [['sql', 5432]]),
  Array.from({ length: ENDPOINTS }, (_, n) => zoneEndpoint(`10.1.${n >> 8}.${n & 255}`)),
)
await using upstream = await FakeUpstream.start(({ message }) => {
  const [{ name, type } = { name: '.', type: 'A' }] = decode(message).questions ?? []
  if (name.toLowerCase() === 'broken.example.com') return [replyOf(message, { flags: 2 })]
  const answers = type === 'A' ? [addressRecord(name, 60)] : []
  return [replyOf(message, { answers, authorities: [soaRecord(60, 60)] })]
})
const options = { ...DEFAULT_DNS_OPTIONS, upstreams: [upstream.name] }
await using _server = await DnsServer.start(options, {
  ...new FakeComponentDeps(),
  services,
  nodeName: 'edge-1' as NodeName,
  nodeAddress: '127.0.0.1',
  nodeAddress6: undefined,
})
process.stdout.write('answering\n')
await once(process, 'SIGTERM')
