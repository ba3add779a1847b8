import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { listLabs } from '@edgeway/testbed'
import { expect, it } from 'vitest'

const DEMO = fileURLToPath(new URL('../../demo/main.ts', import.meta.url))

it('the demo makes every call as expected, says so in JSON, and leaves nothing behind', async () => {
  const demo = spawn(process.execPath, [DEMO, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output, [code]] = await Promise.all([text(demo.stdout), once(demo, 'close')])

  const result = JSON.parse(output.trim().split('\n').at(-1) ?? '') as {
    readonly ok: boolean
    readonly calls: readonly { readonly name: string; readonly ok: boolean; readonly path: string | null }[]
  }
  expect(result.calls.filter(({ ok }) => !ok)).toEqual([])
  expect(result.ok).toBe(true)
  expect(code).toBe(0)
  expect(new Set(result.calls.map(({ path }) => path))).toEqual(new Set(['local', 'relayed', 'direct', null]))
  expect(listLabs().filter(({ ownerPid }) => ownerPid === demo.pid)).toEqual([])
})

it('the demo names an argument that it does not know', async () => {
  const demo = spawn(process.execPath, [DEMO, '--quick'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [errors, [code]] = await Promise.all([text(demo.stderr), once(demo, 'close')])

  expect(errors).toContain('--quick')
  expect(code).toBe(1)
})
