import type { AddressInfo, Server } from 'node:net'
import { parseArgs } from 'node:util'

/** What every workload is told: where to listen, and who it says it is. */
export interface WorkloadFlags {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  readonly name: string
  readonly node: string
}

/** The line a workload writes to standard output once it accepts connections. */
export interface ReadyLine {
  readonly listening: { readonly host: string; readonly port: number }
}

/** @throws {TypeError} when a flag is unknown */
export function readWorkloadFlags(): WorkloadFlags {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '0.0.0.0' },
      port: { type: 'string', default: '0' },
      name: { type: 'string', default: 'workload' },
      node: { type: 'string', default: 'node' },
    },
  })
  return { ...values, port: Number(values.port) }
}

/** Listens as the flags say, then writes the ready line. */
export function serve(server: Server, { host, port }: WorkloadFlags): void {
  server.listen({ host, port, backlog: 1_024 }, () => {
    const { address, port: bound } = server.address() as AddressInfo
    const line: ReadyLine = { listening: { host: address, port: bound } }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  })
}
