import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { DAMAGES, damageLoop } from './damage-loop.ts'

it.each(DAMAGES)(
  'always starts, serves nothing that was never written, and says what it lost: %s',
  async (damage) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-damage-'))
    const seed = Date.now() % 1_000_000
    const wrong = await damageLoop({ file: join(folder.path, 'edgeway.db'), damage, rounds: 8, seed })
    expect(wrong, `seed ${seed}`).toEqual([])
  },
)
