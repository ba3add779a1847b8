/** Writes to the store away from the main thread: a write to flash may take long. */
import { parentPort, workerData } from 'node:worker_threads'
import { openDatabase, type StoreBatch, writeBatch } from './database.ts'

/** The answer to a batch. */
export interface StoreAnswer {
  /** Why it could not be written; `undefined` when it was. */
  readonly failure: string | undefined
}

const port = parentPort
if (port === null) throw new Error('this is no worker')

let database: ReturnType<typeof openDatabase> | undefined

port.on('message', (batch: StoreBatch | 'close') => {
  if (batch === 'close') {
    database?.close()
    port.close()
    return
  }
  try {
    database ??= openDatabase((workerData as { readonly file: string }).file)
    writeBatch(database, batch)
    port.postMessage({ failure: undefined } satisfies StoreAnswer)
  } catch (error) {
    port.postMessage({ failure: String(error) } satisfies StoreAnswer)
  }
})
