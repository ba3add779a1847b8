import { Worker } from 'node:worker_threads'
import type { Logger } from '@edgeway/core'
import type { StoreBatch } from './database.ts'
import type { StoreAnswer } from './store-worker.ts'

export interface StoreWriterOptions {
  readonly file: string
  /** After that long without a batch the worker is ended. */
  readonly idleMs: number
}

/**
 * Writes batches in a worker, one after the other. The worker lives while there is something to write only: at rest it
 * would occupy 20 MB for nothing.
 */
export class StoreWriter implements AsyncDisposable {
  readonly #options: StoreWriterOptions
  readonly #logger: Logger
  #running: RunningWorker | undefined
  #idle: NodeJS.Timeout | undefined
  /** Of the worker before: two must not hold the file at once. */
  #ended: Promise<void> = Promise.resolve()
  #isDead = false

  constructor(options: StoreWriterOptions, logger: Logger) {
    this.#options = options
    this.#logger = logger
  }

  /** A worker has died, which only a defect or a lack of memory brings about: nothing is written any more. */
  get isDead(): boolean {
    return this.#isDead
  }

  /** Nothing is held for writing. */
  get isResting(): boolean {
    return this.#running === undefined
  }

  /** To be called again after the answer only. */
  async write(batch: StoreBatch): Promise<StoreAnswer> {
    clearTimeout(this.#idle)
    await this.#ended
    if (this.#isDead) return { failure: 'its worker ended' }
    this.#running ??= this.#start()
    const answer = await ask(this.#running.worker, batch)
    this.#idle = setTimeout(() => this.#end(), this.#options.idleMs).unref()
    return answer
  }

  /** Resolves when the file is closed. Nothing is to be written from then on. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle)
    // It may be all that is left of the process.
    this.#running?.worker.ref()
    this.#end()
    await this.#ended
  }

  #start(): RunningWorker {
    const worker = new Worker(new URL('./store-worker.ts', import.meta.url), {
      workerData: { file: this.#options.file },
      // SQLite of Node is new enough to be announced as such.
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
    })
    const ended = Promise.withResolvers<void>()
    worker.on('error', (error) => {
      this.#isDead = true
      this.#logger.error('the offline store is not written any more', { error })
    })
    worker.on('exit', () => ended.resolve())
    worker.unref()
    return { worker, ended: ended.promise }
  }

  #end(): void {
    if (this.#running === undefined) return
    this.#running.worker.postMessage('close')
    this.#ended = this.#running.ended
    this.#running = undefined
  }
}

interface RunningWorker {
  readonly worker: Worker
  readonly ended: Promise<void>
}

/** A worker that dies has written nothing. */
function ask(worker: Worker, batch: StoreBatch): Promise<StoreAnswer> {
  const { promise, resolve } = Promise.withResolvers<StoreAnswer>()
  const died = (): void => resolve({ failure: 'its worker ended' })
  worker.once('exit', died)
  worker.once('message', (answer: StoreAnswer) => {
    worker.off('exit', died)
    resolve(answer)
  })
  worker.postMessage(batch)
  return promise
}
