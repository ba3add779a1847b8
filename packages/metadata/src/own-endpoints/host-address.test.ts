import { expect, it } from 'vitest'
import { presentHostIp } from './host-address.ts'

it('leaves stored addresses as they are where the interfaces can not be read', async () => {
  const presentOf = await presentHostIp(() => {
    throw new Error('uv_interface_addresses returned EMFILE (too many open files)')
  })

  expect(['192.0.2.7', '2001:db8::7'].map(presentOf)).toEqual(['192.0.2.7', '2001:db8::7'])
})
