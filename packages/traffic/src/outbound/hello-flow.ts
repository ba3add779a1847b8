import type { FlowJournal, HelloOutcome } from '../account/flow-journal.ts'
import { type ClientHello, clientHello } from '../first-bytes/client-hello.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { RelayLimits } from '../relay/relay-engine.ts'
import type { Caller } from './accepted-client.ts'
import { AwaitedClient } from './awaited-client.ts'
import type { FlowStart } from './outbound-flow.ts'

export interface HelloFlowDeps {
  readonly journal: Pick<FlowJournal, 'record' | 'countHello'>
  /** Carries the connection as it is. */
  readonly carry: (caller: Caller, start: FlowStart) => OpenFlow
}

/**
 * A connection that is said to speak TLS: carried once its client has said which server it wants. Nothing is terminated. What is
 * no TLS after all is carried as it is; a client that says nothing costs no endpoint anything.
 */
export class HelloFlow implements OpenFlow {
  readonly #caller: Caller
  readonly #deps: HelloFlowDeps
  readonly #awaited: AwaitedClient

  constructor(caller: Caller, limits: RelayLimits, deps: HelloFlowDeps) {
    this.#caller = caller
    this.#deps = deps
    const look = (bytes: Buffer, hasEnded: boolean): void => this.#look(bytes, hasEnded)
    this.#awaited = new AwaitedClient(caller, limits, { journal: deps.journal, look, onOver: () => {} })
  }

  get ended(): Promise<void> {
    return this.#awaited.ended
  }

  cut(): void {
    this.#awaited.cut()
  }

  drain(): void {
    this.#awaited.drain()
  }

  #look(bytes: Buffer, hasEnded: boolean): void {
    const hello = clientHello(bytes)
    if (hello === 'more') {
      if (hasEnded) this.#carry(undefined)
    } else this.#carry(hello)
  }

  #carry(hello: ClientHello | undefined): void {
    const { journal, carry } = this.#deps
    journal.countHello(this.#caller.called.servicePort.name, outcomeOf(hello))
    this.#awaited.carryOn(() => carry(this.#caller, { serverName: hello?.serverName }))
  }
}

function outcomeOf(hello: ClientHello | undefined): HelloOutcome {
  if (hello === undefined) return 'not-tls'
  return hello.serverName === undefined ? 'unnamed' : 'named'
}
