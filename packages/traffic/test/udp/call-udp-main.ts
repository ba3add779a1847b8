// Calls each of the addresses that the one argument lists, and prints what came of it; JSON both.

import type { ListenerAddress } from '@edgeway/core'
import { callUdp } from './call-udp.ts'

const targets: ListenerAddress[] = JSON.parse(process.argv[2] ?? '[]')
const results: string[] = []
for (const target of targets) results.push(await callUdp(target))
process.stdout.write(JSON.stringify(results))
