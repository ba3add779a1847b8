import { SystemCallError } from '../../errors.ts'
import { MAX_QUERY_BYTES } from '../../message.ts'
import { ClientTexts } from './client-texts.ts'
import { DatagramBatch } from './datagram-batch.ts'
import { DatagramSocket } from './datagram-socket.ts'
import type { DatagramCalls } from './libc.ts'
import { familyOf, hasPort, keptSocketAddress, type SocketAddress } from './socket-address.ts'
import { answerTo, type UdpEngine, type UdpListener, type UdpListenerDeps } from './udp-listener.ts'

/** Datagrams that one system call reads or sends. */
const BATCH = 32

/** Then others have their turn: one of 128 queries takes about a millisecond. */
const BATCHES_PER_TURN = 4

/** One byte more than a query may have tells that it is too long. */
const QUERY_SLOT_BYTES = MAX_QUERY_BYTES + 1

/** Answers of the usual size; longer ones are sent one by one. */
const ANSWER_SLOT_BYTES = 1_232

/** Many datagrams by one system call. */
export function batchEngine(calls: DatagramCalls): UdpEngine {
  return {
    name: 'batch',
    // A promise, so that whatever is thrown rejects it.
    async listen(address, port, deps) {
      const socket = DatagramSocket.bind(address, port, calls)
      try {
        return new BatchListener(socket, { ...deps, family: familyOf(address), addressOf: calls.addressOf })
      } catch (error) {
        socket.close()
        throw error
      }
    },
  }
}

interface BatchListenerDeps extends UdpListenerDeps, Pick<DatagramCalls, 'addressOf'> {
  readonly family: number
}

/**
 * Reads and sends many datagrams at a time. HOT PATH: answers from memory are sent together in the turn that their
 * queries are read in, later ones at the end of the turn that they come in.
 */
class BatchListener implements UdpListener {
  readonly port: number
  readonly #socket: DatagramSocket
  readonly #deps: BatchListenerDeps
  readonly #queries: DatagramBatch
  readonly #answers: DatagramBatch
  readonly #clients: ClientTexts
  readonly #answering = new Set<Promise<void>>()
  /** Answers that are laid out and not sent. */
  #laid = 0
  /** Whether there may be something to read. */
  #isReadable = false
  #turn: NodeJS.Immediate | undefined
  #isClosed = false

  constructor(socket: DatagramSocket, deps: BatchListenerDeps) {
    this.#socket = socket
    this.#deps = deps
    this.port = socket.port
    this.#queries = new DatagramBatch(BATCH, QUERY_SLOT_BYTES, deps.addressOf)
    this.#answers = new DatagramBatch(BATCH, ANSWER_SLOT_BYTES, deps.addressOf)
    this.#clients = new ClientTexts(deps.family)
    socket.follow(this.#readable)
  }

  async drain(): Promise<void> {
    this.#socket.unfollow()
    this.#isReadable = false
    await Promise.all(this.#answering)
  }

  close(): void {
    if (this.#isClosed) return
    this.#flush()
    this.#isClosed = true
    clearImmediate(this.#turn)
    this.#socket.close()
  }

  /** The work itself is done in a turn of Node's own, which looks after the promises that are made. */
  readonly #readable = (status: number): void => {
    if (status < 0) {
      this.#socket.unfollow()
      this.#deps.onFatal(new SystemCallError('poll', -status))
      return
    }
    this.#isReadable = true
    this.#takeTurn()
  }

  #takeTurn(): void {
    this.#turn ??= setImmediate(this.#work)
  }

  readonly #work = (): void => {
    this.#turn = undefined
    this.#flush()
    try {
      // Where something is left, the kernel says so again in the next turn of the loop.
      for (let batch = 0; this.#isReadable && batch < BATCHES_PER_TURN; batch++) this.#receive()
    } catch (error) {
      this.#socket.unfollow()
      this.#deps.onFatal(error instanceof Error ? error : new Error(String(error)))
    }
    this.#isReadable = false
  }

  #receive(): void {
    const count = this.#socket.receive(this.#queries)
    for (let slot = 0; slot < count; slot++) this.#take(slot)
    this.#flush()
    if (count < BATCH) this.#isReadable = false
  }

  #take(slot: number): void {
    const from = this.#queries.sender(slot)
    if (!hasPort(from)) {
      // Nothing can be sent there.
      this.#deps.metrics.dropped('no-source-port', 'udp')
      return
    }
    const response = answerTo(this.#queries.message(slot), this.#clients.textOf(from), this.#deps)
    if (response instanceof Promise) this.#answerLater(response, keptSocketAddress(from))
    else if (response !== undefined) this.#lay(response, from)
  }

  #answerLater(response: Promise<Buffer | undefined>, to: SocketAddress): void {
    const answering = response.then((bytes) => {
      if (bytes !== undefined && !this.#isClosed) {
        this.#lay(bytes, to)
        this.#takeTurn()
      }
      this.#answering.delete(answering)
    })
    this.#answering.add(answering)
  }

  #lay(answer: Buffer, to: SocketAddress): void {
    if (answer.length > this.#answers.slotBytes) {
      if (!this.#socket.sendOne(answer, to)) this.#deps.metrics.dropped('send-failed', 'udp')
      return
    }
    this.#answers.lay(this.#laid, answer, to)
    this.#laid++
    if (this.#laid === BATCH) this.#flush()
  }

  #flush(): void {
    if (this.#laid === 0 || this.#isClosed) return
    const failed = this.#socket.send(this.#answers, this.#laid)
    this.#laid = 0
    for (let count = 0; count < failed; count++) this.#deps.metrics.dropped('send-failed', 'udp')
  }
}
