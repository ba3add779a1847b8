import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { NetworkNamespace } from '@edgeway/testbed'
import type { Answer, Outcome, Reply, Request, Server, Target } from './station-protocol.ts'

const MAIN = fileURLToPath(new URL('station-main.ts', import.meta.url))

/** A TCP connection that a Station holds. */
export interface OpenConnection {
  /** What the server said first. */
  readonly answer: Answer
  /** Sends a text and gives what comes back. */
  echo(text: string): Promise<string>
}

/** A process in a namespace that serves and calls there; it goes with its namespace. */
export class Station {
  readonly #socket: Socket
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #lastId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    createInterface({ input: socket }).on('line', (line) => {
      const reply: Reply = JSON.parse(line)
      this.#waiting.get(reply.id)?.(reply)
      this.#waiting.delete(reply.id)
    })
  }

  /** @param path - of the Unix socket to make */
  static async start(
    where: NetworkNamespace,
    { path, groupId }: { readonly path: string; readonly groupId?: number },
  ): Promise<Station> {
    const group = groupId === undefined ? [] : [String(groupId)]
    const started = where.spawn([process.execPath, MAIN, path, ...group])
    await started.waitForOutput(/ready/)
    const socket = connect(path)
    await once(socket, 'connect')
    return new Station(socket)
  }

  async serve(...servers: readonly Server[]): Promise<void> {
    await this.#ask({ do: 'serve', servers })
  }

  async call(target: Target, count = 1): Promise<readonly Outcome[]> {
    return (await this.#ask({ do: 'call', target, count })) as readonly Outcome[]
  }

  /** Calls all targets in turn while `action` runs, and at least once. */
  async callDuring(targets: readonly Target[], action: () => Promise<void>): Promise<readonly Outcome[]> {
    await this.#ask({ do: 'start load', targets })
    let outcomes: unknown
    try {
      await action()
    } finally {
      outcomes = await this.#ask({ do: 'end load' })
    }
    return outcomes as readonly Outcome[]
  }

  async connect(target: Target): Promise<OpenConnection> {
    const { connection, answer } = (await this.#ask({ do: 'connect', target })) as {
      readonly connection: number
      readonly answer: Answer
    }
    return {
      answer,
      echo: async (text) => (await this.#ask({ do: 'echo', connection, text })) as string,
    }
  }

  async hangUp(): Promise<void> {
    await this.#ask({ do: 'hang up' })
  }

  close(): void {
    this.#socket.destroy()
  }

  async #ask(request: Request): Promise<unknown> {
    const id = ++this.#lastId
    const replied = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.write(`${JSON.stringify({ id, ...request })}\n`)
    const { result, error } = await replied
    if (error !== undefined) throw new Error(`"${request.do}" failed: ${error}`)
    return result
  }
}
