import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds } from '../cpu.ts'
import type { ByteCounter, Bytes } from './byte-counter.ts'

/** What a process has used within some time. */
export interface Spent {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly bytes: Bytes
}

/** Begins to measure; the function it gives ends that. The process must live until then. */
export async function spending(pid: number, counter: ByteCounter): Promise<() => Promise<Spent>> {
  const [cpu, bytes, startedAt] = [await cpuSeconds([pid]), await counter.bytes(), performance.now()]
  return async () => {
    const now = await counter.bytes()
    return {
      seconds: (performance.now() - startedAt) / 1_000,
      cpuSeconds: (await cpuSeconds([pid])) - cpu,
      bytes: { received: now.received - bytes.received, sent: now.sent - bytes.sent },
    }
  }
}

export async function spentWithin(ms: number, pid: number, counter: ByteCounter): Promise<Spent> {
  const end = await spending(pid, counter)
  await delay(ms)
  return await end()
}
