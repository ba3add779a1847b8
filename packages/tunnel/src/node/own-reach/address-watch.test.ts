import type { NetworkInterfaceInfo } from 'node:os'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type AddressChange, AddressWatch } from './address-watch.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function interfaces(...addresses: string[]): Record<string, NetworkInterfaceInfo[]> {
  return { eth0: addresses.map((address) => ({ address }) as NetworkInterfaceInfo) }
}

it('tells which addresses came and went, within a second', () => {
  let now = interfaces('192.168.1.11', 'fd00::1')
  const changes: AddressChange[] = []
  using _ = new AddressWatch(
    (change) => changes.push(change),
    () => now,
  )
  vi.advanceTimersByTime(5_000)
  expect(changes).toEqual([])

  now = interfaces('192.168.1.12', 'fd00::1')
  vi.advanceTimersByTime(1_000)
  expect(changes).toEqual([{ came: new Set(['192.168.1.12']), gone: new Set(['192.168.1.11']) }])
  vi.advanceTimersByTime(5_000)
  expect(changes).toHaveLength(1)
})

it('does not care for the link-local addresses that come with each pod', () => {
  let now = interfaces('192.168.1.11')
  const changed = vi.fn()
  using _ = new AddressWatch(changed, () => now)
  now = interfaces('192.168.1.11', 'fe80::1', '169.254.96.16')
  vi.advanceTimersByTime(2_000)

  expect(changed).not.toHaveBeenCalled()
})

it('goes on when the kernel can not be asked for a while', () => {
  let now: (() => Record<string, NetworkInterfaceInfo[]>) | undefined = () => interfaces('192.168.1.11')
  const changes: AddressChange[] = []
  using _ = new AddressWatch(
    (change) => changes.push(change),
    () => {
      if (now === undefined) throw new Error('EMFILE: too many open files')
      return now()
    },
  )
  now = undefined
  vi.advanceTimersByTime(3_000)
  expect(changes).toEqual([])

  now = () => interfaces('192.168.1.12')
  vi.advanceTimersByTime(1_000)
  expect(changes).toEqual([{ came: new Set(['192.168.1.12']), gone: new Set(['192.168.1.11']) }])
})
