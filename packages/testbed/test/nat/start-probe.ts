import { fileURLToPath } from 'node:url'
import { CommandedProcess } from '../../src/lab/commanded-process.ts'
import type { LabHost } from '../../src/lab/lab-host.ts'
import type { KnockResult, MeetingPart, MeetResult, Reflected, Socket } from './probe-commands.ts'

/** How long nothing must come, where nothing is expected; and how long something may take on a busy machine. */
const SILENCE_MS = 400
const PATIENCE_MS = 10_000
const PROGRAM = fileURLToPath(new URL('./nat-probe.ts', import.meta.url))

/** `nat-probe.ts` on a host. */
export class NatProbe {
  readonly host: LabHost
  readonly #process: CommandedProcess

  private constructor(host: LabHost, process: CommandedProcess) {
    this.host = host
    this.#process = process
  }

  static async start(host: LabHost): Promise<NatProbe> {
    return new NatProbe(
      host,
      await CommandedProcess.start(host, `probe-${host.name}`, [process.execPath, PROGRAM]),
    )
  }

  async serve(...ports: number[]): Promise<void> {
    await this.#process.ask({ do: 'serve', ports })
  }

  reflect(to: readonly Socket[], localPort?: number): Promise<Reflected> {
    return this.#process.ask({ do: 'reflect', to, localPort }) as Promise<Reflected>
  }

  reflectUdp(to: readonly Socket[]): Promise<Reflected> {
    return this.#process.ask({ do: 'reflect-udp', to }) as Promise<Reflected>
  }

  async listen(localPort: number): Promise<void> {
    await this.#process.ask({ do: 'listen', localPort })
  }

  /** @param expected - silence is not waited for as long as anything else */
  knock(at: Socket, expected: string): Promise<KnockResult> {
    const timeoutMs = expected === 'silent' ? SILENCE_MS : PATIENCE_MS
    return this.#process.ask({ do: 'knock', at, timeoutMs }) as Promise<KnockResult>
  }

  meet(how: MeetingPart, where: { localPort: number; at: Socket }, expected: boolean): Promise<MeetResult> {
    const { name } = this.host
    const windowMs = expected ? PATIENCE_MS : SILENCE_MS
    return this.#process.ask({ do: how, ...where, name, windowMs }) as Promise<MeetResult>
  }

  async release(): Promise<void> {
    await this.#process.ask({ do: 'release' })
  }
}
