import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a double as the process that it is for other projects; it ends with the test. */
export function runDouble(main: string, args: readonly string[]): ChildProcess & AsyncDisposable {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  return Object.assign(child, {
    [Symbol.asyncDispose]: async (): Promise<void> => {
      child.kill()
      await exited
    },
  })
}

/** The line of JSON by which it says where it serves. */
export async function readyLine(child: ChildProcess): Promise<unknown> {
  const [line]: unknown[] = await once(child.stdout ?? child, 'data')
  return JSON.parse(String(line))
}
