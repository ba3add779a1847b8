import type { DialTarget, FlowAnswer } from '@edgeway/core'
import { type DialerUnderTest, dialerContract } from '@edgeway/testbed'
import { describe, it } from 'vitest'
import { SmallMesh, targetOn } from './small-mesh.ts'

/** The dialer of `edge-1`, with Endpoints on `edge-2`, reached by the relay or directly. */
async function open(path: 'relayed' | 'direct'): Promise<DialerUnderTest> {
  const mesh = await SmallMesh.create()
  await mesh.server()
  const one = await (await mesh.node('edge-1')).ready()
  const two = await (
    await mesh.node('edge-2', path === 'direct' ? { announceAddresses: 'auto' } : {})
  ).ready()
  await one.knows(1)
  const answers = new Map<number, FlowAnswer>()
  two.tunnel.serve({
    open: async ({ target }) =>
      answers.get(target.port) ?? { status: 'unknown-target', reason: 'not in the test' },
  })
  const add = (answer: FlowAnswer): DialTarget => {
    const port = answers.size + 1
    answers.set(port, answer)
    const { endpoint, service } = targetOn('edge-2')
    return { endpoint: { ...endpoint, port }, service }
  }
  return {
    dialer: one.tunnel.dialer,
    listen: async (serve) =>
      add({ status: 'ok', serve: (stream, reset) => serve({ stream, reset }), abandon: () => {} }),
    refusing: async () => add({ status: 'endpoint-refused', reason: 'nobody listens' }),
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  }
}

describe.each(['relayed', 'direct'] as const)('the tunnel as a Dialer, %s', (path) => {
  it.each(dialerContract(() => open(path)))('$title', ({ run }) => run())
})
