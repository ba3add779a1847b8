import { FakeComponentDeps, NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunCommand } from '../command/run-command.ts'
import { CommandError, DeviceConflictError } from '../errors.ts'
import {
  DEFAULT_NODE_DEVICE_OPTIONS,
  NodeDevice,
  type NodeDeviceDeps,
  type NodeDeviceOptions,
} from './node-device.ts'

/** A process with a node device and a server on each of its addresses, that says when the device was repaired. */
const LISTENING_AGENT = `
import { createServer } from 'node:net'
import { NodeDevice, DEFAULT_NODE_DEVICE_OPTIONS } from '${new URL('node-device.ts', import.meta.url)}'

const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: console.error, child: () => logger }
const metrics = { counter: () => ({ add: () => console.log('repaired') }) }
const device = await NodeDevice.start({ ...DEFAULT_NODE_DEVICE_OPTIONS, checkIntervalMs: 10 }, { logger, metrics })
for (const address of device.addresses) {
  const server = createServer((client) => client.end())
  await new Promise((listening) => server.listen(80, address, listening))
}
console.log('listening')
`

describe('NodeDevice', () => {
  let node: NetworkNamespace
  let deps: FakeComponentDeps
  /** What NodeDevice ran. */
  let commands: string[]
  /** Those that a test lets go as a crash would. */
  let devices: NodeDevice[]

  beforeEach(async () => {
    node = await NetworkNamespace.create(`px${uniqueLabId()}-node`)
    deps = new FakeComponentDeps()
    commands = []
    devices = []
  })

  afterEach(async () => {
    await Promise.all(devices.map((device) => device[Symbol.asyncDispose]()))
    await node[Symbol.asyncDispose]()
  })

  const run: RunCommand = (command, input = '') => {
    commands.push(command.join(' '))
    return node.exec(command, { input })
  }

  async function start(
    options: Partial<NodeDeviceOptions> = {},
    overrides: Partial<NodeDeviceDeps> = {},
  ): Promise<NodeDevice> {
    const all = { ...DEFAULT_NODE_DEVICE_OPTIONS, ...options }
    const device = await NodeDevice.start(all, { ...deps, run, ...overrides })
    devices.push(device)
    return device
  }

  async function ip(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await node.exec(['ip', ...args])
    if (code !== 0) throw new Error(stderr)
    return stdout
  }

  /** Global addresses of the device. */
  async function addresses(): Promise<string[]> {
    const text = await ip('-brief', 'address', 'show', 'dev', 'edgeway0')
    return text.split(/\s+/).filter((word) => word.includes('/') && !word.startsWith('fe80:'))
  }

  async function canBind(address: string): Promise<boolean> {
    const script = `require('node:net').createServer().listen(0, '${address}', () => process.exit(0))`
    return (await node.exec([process.execPath, '-e', script])).code === 0
  }

  it('makes a device with an address of each family, on which servers can listen', async () => {
    await using device = await start()

    expect(device).toMatchObject({
      name: 'edgeway0',
      address: '169.254.96.16',
      address6: 'fd00:e::16',
      addresses: ['169.254.96.16', 'fd00:e::16'],
    })
    expect(await addresses()).toEqual(['169.254.96.16/32', 'fd00:e::16/128'])
    expect(await ip('link', 'show', 'edgeway0')).toContain(',UP')
    expect(await canBind('169.254.96.16')).toBe(true)
    expect(await canBind('fd00:e::16')).toBe(true)
  })

  it('takes further addresses, and names those of IPv4 first', async () => {
    await using device = await start({ addresses: ['fd00:e::16', '169.254.96.17'] })

    expect(device.addresses).toEqual(['169.254.96.16', '169.254.96.17', 'fd00:e::16'])
    expect(await addresses()).toEqual(['169.254.96.16/32', '169.254.96.17/32', 'fd00:e::16/128'])
  })

  it('goes without IPv6 where the kernel has it switched off, and says so', async () => {
    await node.exec(['sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1'])

    await using device = await start()

    expect(device.addresses).toEqual(['169.254.96.16'])
    expect(device.address6).toBe(undefined)
    expect(deps.logger.lines).toMatchObject([
      { level: 'info', fields: { leftOut: ['fd00:e::16'] } },
      { level: 'info' },
    ])
  })

  it('is gone after disposal', async () => {
    const device = await start()
    await Promise.all([device[Symbol.asyncDispose](), device[Symbol.asyncDispose]()])

    expect(await ip('-brief', 'link')).not.toContain('edgeway0')
    expect(deps.logger.lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('uses a device that a crash left again, without taking its address away', async () => {
    await start({ addresses: ['fd00:e::16'] })
    const before = await ip('-o', 'link', 'show', 'edgeway0')
    commands = []

    await using _device = await start({ addresses: ['fd00:e::16'] })

    expect(await ip('-o', 'link', 'show', 'edgeway0')).toBe(before)
    expect(await addresses()).toEqual(['169.254.96.16/32', 'fd00:e::16/128'])
    expect(commands.filter((command) => /address (add|delete)/.test(command))).toEqual([])
  })

  it('repairs a device that a crash left: down, with a wrong address and without its own', async () => {
    await ip('link', 'add', 'edgeway0', 'type', 'bridge')
    await ip('address', 'add', '169.254.96.99/32', 'dev', 'edgeway0')

    await using _device = await start({ addresses: ['fd00:e::16'] })

    expect(await addresses()).toEqual(['169.254.96.16/32', 'fd00:e::16/128'])
    expect(await ip('link', 'show', 'edgeway0')).toContain(',UP')
  })

  it.each(['ifb', 'veth'])('leaves a %s of the same name alone, with a clear error', async (type) => {
    await ip('link', 'add', 'edgeway0', 'type', type)

    await expect(start()).rejects.toThrow(DeviceConflictError)
    await expect(start()).rejects.toThrow(`type ${type}, not bridge`)
    expect(await ip('-brief', 'link')).toContain('edgeway0')
  })

  it('leaves a bridge that has ports alone: it is of somebody else', async () => {
    await ip('link', 'add', 'edgeway0', 'type', 'bridge')
    await ip('link', 'add', 'pod1', 'master', 'edgeway0', 'type', 'veth')
    await ip('address', 'add', '10.244.1.1/24', 'dev', 'edgeway0')

    await expect(start()).rejects.toThrow(DeviceConflictError)
    await expect(start()).rejects.toThrow('has ports: pod1')
    expect(await addresses()).toEqual(['10.244.1.1/24'])
  })

  it('takes an address that is given twice once', async () => {
    await using _device = await start({ addresses: ['169.254.96.16', '169.254.96.16'] })

    expect(await addresses()).toEqual(['169.254.96.16/32'])
  })

  it('leaves no half-made device when an address is refused', async () => {
    await expect(start({ addresses: ['no address'] })).rejects.toThrow(CommandError)

    expect(await ip('-brief', 'link')).not.toContain('edgeway0')
  })

  it('ends without throwing when somebody else removed the device, and says so', async () => {
    const device = await start()
    await ip('link', 'delete', 'edgeway0')

    await device[Symbol.asyncDispose]()

    expect(deps.logger.lines).toMatchObject([{ level: 'info' }, { level: 'warn' }])
  })

  describe('repair', () => {
    const OFTEN = { checkIntervalMs: 10 }
    const PATIENTLY = { timeout: 20_000 }
    const REPAIRS = 'edgeway_proxier_device_repairs_total'

    /** What the device has, as somebody in the node's namespace sees it. */
    let present: string[] = []
    const addressesOf = (): readonly string[] => present
    const whole = DEFAULT_NODE_DEVICE_OPTIONS.addresses.concat(DEFAULT_NODE_DEVICE_OPTIONS.address)

    beforeEach(() => {
      present = whole
    })

    it.each([
      { what: 'the device', damage: ['link', 'delete', 'edgeway0'] },
      { what: 'an address', damage: ['address', 'delete', '169.254.96.16/32', 'dev', 'edgeway0'] },
      { what: 'being up', damage: ['link', 'set', 'edgeway0', 'down'] },
    ])('brings back what somebody took away: $what', async ({ damage }) => {
      await using _device = await start(OFTEN, { addressesOf })
      await ip(...damage)
      present = []

      await expect.poll(() => deps.metrics.value(REPAIRS), PATIENTLY).toBe(1)

      expect((await addresses()).toSorted()).toEqual(['169.254.96.16/32', 'fd00:e::16/128'])
      expect(await ip('link', 'show', 'edgeway0')).toContain(',UP')
      expect(deps.logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    })

    it('counts nothing when a closer look finds all in order', async () => {
      await using _device = await start(OFTEN, { addressesOf })
      commands = []
      present = []

      await expect.poll(() => commands.length, PATIENTLY).toBeGreaterThan(4)

      expect(deps.metrics.value(REPAIRS)).toBe(0)
      expect(deps.logger.lines).toMatchObject([{ level: 'info' }])
    })

    it('is tried again and again, and its failure is told once', async () => {
      await using _device = await start(OFTEN, { addressesOf })
      await ip('link', 'delete', 'edgeway0')
      await ip('link', 'add', 'edgeway0', 'type', 'ifb')
      commands = []
      present = []

      await expect.poll(() => commands.length, PATIENTLY).toBeGreaterThan(4)
      expect(deps.logger.lines).toMatchObject([{ level: 'info' }, { level: 'error' }])
      await ip('link', 'delete', 'edgeway0')
      await expect.poll(() => deps.metrics.value(REPAIRS), PATIENTLY).toBe(1)

      expect(await addresses()).toEqual(['169.254.96.16/32', 'fd00:e::16/128'])
    })

    it('that runs at disposal does not bring the device back', async () => {
      const isRepairing = Promise.withResolvers<void>()
      const isDisposed = Promise.withResolvers<void>()
      let repair: Promise<unknown> | undefined
      const device = await start(OFTEN, {
        addressesOf,
        run: (command) => {
          if (repair !== undefined || present.length > 0 || !command.includes('add')) return run(command)
          isRepairing.resolve()
          const result = isDisposed.promise.then(() => run(command))
          repair = result
          return result
        },
      })
      await ip('link', 'delete', 'edgeway0')
      present = []
      await isRepairing.promise

      const disposal = device[Symbol.asyncDispose]()
      isDisposed.resolve()
      await Promise.all([disposal, repair])

      expect(await ip('-brief', 'link')).not.toContain('edgeway0')
    })

    it('lets a server that listens there go on, in a process on the node', async () => {
      const agent = node.spawn([process.execPath, '--input-type=module', '-e', LISTENING_AGENT])
      await agent.waitForOutput(/listening/)
      for (const address of ['169.254.96.16', 'fd00:e::16']) expect(await canConnect(address)).toBe(true)
      await ip('link', 'delete', 'edgeway0')

      await agent.waitForOutput(/repaired/)

      for (const address of ['169.254.96.16', 'fd00:e::16']) expect(await canConnect(address)).toBe(true)
    })

    async function canConnect(address: string): Promise<boolean> {
      const script = `require('node:net').connect(80, '${address}', () => process.exit(0))`
      return (await node.exec([process.execPath, '-e', script])).code === 0
    }
  })
})
