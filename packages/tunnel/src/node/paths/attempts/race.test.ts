import { describe, expect, it } from 'vitest'
import { type Contender, race } from './race.ts'

const HOUR = 3_600_000

function contender(
  headStartMs: number,
  run: () => Promise<string>,
): Contender<string> & { started: boolean } {
  const self = {
    headStartMs,
    started: false,
    run: () => {
      self.started = true
      return run()
    },
  }
  return self
}

describe('race', () => {
  it('leaves the next contender out when the first one is soon enough', async () => {
    const second = contender(HOUR, async () => 'second')

    expect(await race([contender(0, async () => 'first'), second])).toBe('first')
    expect(second.started).toBe(false)
  })

  it('starts the next one at once when all others have failed', async () => {
    const failing = contender(0, () => Promise.reject(new Error('refused')))

    expect(await race([failing, contender(HOUR, async () => 'second')])).toBe('second')
  })

  it('starts the next one after its head start while the first one hangs', async () => {
    const hanging = contender(0, () => new Promise(() => {}))

    expect(await race([hanging, contender(1, async () => 'second')])).toBe('second')
  })

  it('says why each of them failed', async () => {
    const failing = (text: string) => contender(0, () => Promise.reject(new Error(text)))

    await expect(race([failing('a'), failing('b')])).rejects.toMatchObject({
      errors: [{ message: 'a' }, { message: 'b' }],
    })
    await expect(race([])).rejects.toMatchObject({ errors: [] })
  })
})
