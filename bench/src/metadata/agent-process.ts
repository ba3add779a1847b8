import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AgentMessage, AgentOrder, AgentQuestion } from './agent-messages.ts'

const MAIN = fileURLToPath(new URL('./agent-main.ts', import.meta.url))
/** As agents run, and so that garbage can be told from what is kept. */
const NODE_FLAGS = ['--max-semi-space-size=4', '--expose-gc', '--disable-warning=ExperimentalWarning']
const TIMEOUT_MS = 120_000

type MessageOf<Type extends AgentMessage['type']> = Extract<AgentMessage, { readonly type: Type }>

/** Metadata in a process of its own: its memory and CPU time are its own, and it can be killed. */
export class AgentProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #told: AgentMessage[] = []
  #onTold: () => void = () => {}

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()))
    child.on('message', (message) => {
      this.#told.push(message as AgentMessage)
      this.#onTold()
    })
  }

  /** @param namespace - network namespace to run in, by name */
  static spawn(order: AgentOrder, namespace?: string): AgentProcess {
    const inside = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
    const [execPath = '', ...execArgv] = [...inside, process.execPath, ...NODE_FLAGS]
    return new AgentProcess(fork(MAIN, [JSON.stringify(order)], { execPath, execArgv }))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Whether it is no more. */
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Whether it has told such a thing. */
  has(type: AgentMessage['type']): boolean {
    return this.#told.some((message) => message.type === type)
  }

  /** @throws {Error} when it does not tell so within two minutes, or ends before */
  async told<Type extends AgentMessage['type']>(type: Type): Promise<MessageOf<Type>> {
    const late = AbortSignal.timeout(TIMEOUT_MS)
    for (;;) {
      const index = this.#told.findIndex((message) => message.type === type)
      if (index >= 0) return this.#told.splice(index, 1)[0] as MessageOf<Type>
      if (late.aborted) throw new Error(`the agent did not tell of "${type}" in time`)
      await this.#news(late)
    }
  }

  async ask<Question extends AgentQuestion>(question: Question): Promise<MessageOf<Question>> {
    this.#child.send(question)
    return await this.told(question)
  }

  /** Ends it as a power cut would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  async #news(late: AbortSignal): Promise<void> {
    const news = Promise.withResolvers<void>()
    this.#onTold = news.resolve
    late.addEventListener('abort', () => news.resolve(), { once: true })
    const ended = this.#exited.then(() => Promise.reject(new Error('the agent ended by itself')))
    await Promise.race([news.promise, ended])
  }
}
