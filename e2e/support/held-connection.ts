import type { LabHost, LabProcess } from '@edgeway/testbed'

/** Says `open` when it is connected and `ended` when the other side, or whoever is in between, has ended the connection. */
const SCRIPT = `
exec 3<>/dev/tcp/$0/$1
printf 'GET / HTTP/1.1\\r\\nhost: held\\r\\n\\r\\n' >&3
while read -r -u 3 line; do case $line in *'"pod"'*) echo open;; esac; done
echo ended
`

/** A connection to an `http-echo` pod that a client leaves open. */
export class HeldConnection implements AsyncDisposable {
  readonly #process: LabProcess

  private constructor(started: LabProcess) {
    this.#process = started
  }

  /** Resolves when the pod has answered over it. */
  static async open(
    host: LabHost,
    { ip, port }: { readonly ip: string; readonly port: number },
  ): Promise<HeldConnection> {
    const started = host.spawn(['bash', '-c', SCRIPT, ip, String(port)])
    await started.waitForOutput(/open/)
    return new HeldConnection(started)
  }

  /** Resolves when it has ended without the client's doing. */
  async ended(): Promise<void> {
    await this.#process.waitForOutput(/ended/)
  }

  get isOpen(): boolean {
    return this.#process.running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }
}
