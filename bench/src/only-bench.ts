import { createServer } from 'node:net'

/** In the abstract namespace of unix(7): it goes with the process, however that ends. */
const LOCK = '\0edgeway-bench'

/**
 * Two benches at once spoil each other: holds the machine's only place for one until disposal.
 *
 * @returns `undefined` when another bench runs
 */
export async function takeOnlyPlace(): Promise<Disposable | undefined> {
  const server = createServer()
  const isTaken = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(true))
    server.listen(LOCK, () => resolve(false))
  })
  return isTaken ? undefined : { [Symbol.dispose]: () => void server.close() }
}
