import { FakeComponentDeps, NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CommandError, DeviceConflictError } from './errors.ts'
import { DEFAULT_NODE_DEVICE_OPTIONS, NodeDevice, type NodeDeviceOptions } from './node-device.ts'

describe('NodeDevice', () => {
  let node: NetworkNamespace
  let deps: FakeComponentDeps
  /** What NodeDevice ran. */
  let commands: string[]

  beforeEach(async () => {
    node = await NetworkNamespace.create(`px${uniqueLabId()}-node`)
    deps = new FakeComponentDeps()
    commands = []
  })

  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  function start(options: Partial<NodeDeviceOptions> = {}): Promise<NodeDevice> {
    const run = (command: readonly string[], input = '') => {
      commands.push(command.join(' '))
      return node.exec(command, { input })
    }
    return NodeDevice.start({ ...DEFAULT_NODE_DEVICE_OPTIONS, ...options }, { ...deps, run })
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

  it('makes a device with its address, on which servers can listen', async () => {
    await using device = await start()

    expect(device).toMatchObject({ name: 'edgeway0', address: '169.254.96.16' })
    expect(await addresses()).toEqual(['169.254.96.16/32'])
    expect(await ip('link', 'show', 'edgeway0')).toContain(',UP')
    expect(await canBind('169.254.96.16')).toBe(true)
  })

  it('takes further addresses of both families, ready for use at once', async () => {
    await using _device = await start({ addresses: ['169.254.96.17', 'fd00:e::16'] })

    expect(await addresses()).toEqual(['169.254.96.16/32', '169.254.96.17/32', 'fd00:e::16/128'])
    expect(await canBind('fd00:e::16')).toBe(true)
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
    await using _device = await start({ addresses: ['169.254.96.16'] })

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

    expect(deps.logger.lines).toMatchObject([{ level: 'info' }, { level: 'error' }])
  })
})
