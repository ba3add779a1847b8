import { describe, expect, it } from 'vitest'
import { eventuallyTrue } from './eventually.ts'
import { echo, farEndpoint, Talker, UdpEndpoint } from './udp-endpoint.ts'
import { UdpLab } from './udp-lab.ts'

describe('a UDP session that looks for an endpoint', () => {
  it('goes on to the next endpoint with what waits when one can not be dialled', async () => {
    await using lab = await UdpLab.start()
    await using local = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    const [one, two] = [farEndpoint(9_001), farEndpoint(9_002)]
    lab.dialer.set(one, 'refuse')
    lab.dialer.set(two, 'refuse')

    const answer = await client.ask('question', await lab.addService([one, two, local.endpoint]))

    expect(String(answer)).toBe('question')
    expect(lab.reports.lines).toEqual([
      'failed 9001 refused',
      'failed 9002 refused',
      `connected ${local.endpoint.port}`,
    ])
    expect(lab.reports.open).toBe(1)
  })

  it('goes on from one that does not answer in time', async () => {
    await using lab = await UdpLab.start({ dialTimeoutMs: 10 })
    await using local = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    const silent = farEndpoint(9_001)
    lab.dialer.set(silent, 'silent')

    await client.ask('question', await lab.addService([silent, local.endpoint]))

    expect(lab.reports.lines[0]).toBe('failed 9001 timeout')
  })

  it('is over when none can be dialled, or one refuses for good', async () => {
    await using lab = await UdpLab.start()
    await using local = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    const far = farEndpoint(9_001)
    lab.dialer.set(far, 'refuse-for-good')

    client.send('question', await lab.addService([far, local.endpoint]))

    await eventuallyTrue(() => lab.records.length > 0)
    expect(lab.records).toMatchObject([{ outcome: 'dial-failed', error: { failure: 'rejected' } }])
    expect(lab.reports.open).toBe(0)
  })

  it('is given up while it dials when the forwarder stops', async () => {
    const lab = await UdpLab.start()
    await using client = await Talker.bind()
    const silent = farEndpoint(9_001)
    lab.dialer.set(silent, 'silent')
    client.send('question', await lab.addService([silent]))
    await eventuallyTrue(() => lab.reports.open === 1)

    await lab[Symbol.asyncDispose]()

    expect(lab.records).toMatchObject([{ outcome: 'cut' }])
    await eventuallyTrue(() => lab.reports.open === 0)
    expect(lab.reports.lines).toEqual([])
  })
})
