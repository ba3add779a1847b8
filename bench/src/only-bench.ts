import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** In the abstract namespace of unix(7): it goes with the process, however that ends. */
const LOCK = '\0edgeway-bench'
const POLL_MS = 500

/**
 * Two benches at once spoil each other: waits for the machine's only place for one, and holds it until disposal.
 *
 * @param onWait - called once when another bench has it
 * @param lock - address of a unix socket
 */
export async function takeOnlyPlace(onWait: () => void, lock = LOCK): Promise<Disposable> {
  for (let isFirst = true; ; isFirst = false) {
    const place = await tryToTake(lock)
    if (place !== undefined) return place
    if (isFirst) onWait()
    await delay(POLL_MS)
  }
}

async function tryToTake(lock: string): Promise<Disposable | undefined> {
  const server = createServer()
  const isTaken = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(true))
    server.listen(lock, () => resolve(false))
  })
  return isTaken ? undefined : { [Symbol.dispose]: () => void server.close() }
}
