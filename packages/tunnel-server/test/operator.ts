import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '@edgeway/runtime'
import { ClusterKeys, PrivateFile } from '@edgeway/tunnel'
import { TUNNEL_SERVER } from '../src/program.ts'

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** An operator at the terminal of a tunnel server that keeps its state in files. */
export class Operator implements AsyncDisposable {
  readonly dataDir: string

  private constructor(dataDir: string) {
    this.dataDir = dataDir
  }

  /** With the state of a server that was started once. */
  static async atServer(): Promise<Operator> {
    const operator = await Operator.atNothing()
    await operator.keys()
    return operator
  }

  /** With a server that was never started. */
  static async atNothing(): Promise<Operator> {
    const operator = new Operator(await mkdtemp(join(tmpdir(), 'edgeway-operator-')))
    const config = {
      apiVersion: 'edgeway.io/v1alpha1',
      kind: 'TunnelServerConfiguration',
      dataDir: operator.dataDir,
    }
    // JSON is YAML.
    await writeFile(operator.configFile, JSON.stringify(config))
    return operator
  }

  get configFile(): string {
    return join(this.dataDir, 'config.yaml')
  }

  /** The cluster's keys as a running server has them. */
  async keys(): Promise<ClusterKeys> {
    return ClusterKeys.loadOrCreate(new PrivateFile(join(this.dataDir, 'cluster.json'), { shared: true }))
  }

  /** @param args - without `--config` */
  async run(...args: readonly string[]): Promise<CommandResult> {
    return this.runExactly(...args, '--config', this.configFile)
  }

  async runExactly(...args: readonly string[]): Promise<CommandResult> {
    const [stdout, stderr]: [string[], string[]] = [[], []]
    const host = {
      args,
      nodeName: 'cloud-1',
      apiServer: undefined,
      shutdown: new AbortController().signal,
      fail: () => {},
      setGroupId: () => {},
      print: (text: string) => void stdout.push(text),
      printError: (text: string) => void stderr.push(text),
    }
    const run = () => Promise.reject(new Error('the server was to run'))
    const code = await runProgram({ ...TUNNEL_SERVER, run }, host)
    return { code, stdout: stdout.join('\n'), stderr: stderr.join('\n') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dataDir, { recursive: true })
  }
}
