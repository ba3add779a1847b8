import { fileURLToPath } from 'node:url'
import type { LabHost } from '@edgeway/testbed'

const CLIENT = fileURLToPath(new URL('./first-answers-client.ts', import.meta.url))

/** When each answered first, in milliseconds since 1970; `null` where it did not in time. */
export interface FirstAnswers {
  readonly dns: number | null
  readonly service: number | null
}

export interface Asked {
  readonly name: string
  readonly ip: string
  readonly port: number
  readonly withinMs: number
}

/** Begins to ask; resolves once it does, with what ends when both have answered. */
export async function askForFirstAnswers(
  client: LabHost,
  { name, ip, port, withinMs }: Asked,
): Promise<() => Promise<FirstAnswers>> {
  const asking = client.spawn([process.execPath, CLIENT, name, ip, String(port), String(withinMs)])
  await asking.waitForOutput(/"asking":true/)
  return async () => {
    const [line] = await asking.waitForOutput(/^\{"dns":.*\}$/m)
    return JSON.parse(line) as FirstAnswers
  }
}
