import { describe, expect, it } from 'vitest'
import { UdpWindow } from './udp-window.ts'

function windowOf(slots: number) {
  const sent: Buffer[] = []
  const window = new UdpWindow({ slots, bytes: 100 }, (datagram) => void sent.push(Buffer.from(datagram)))
  const sentAt = (index: number): Buffer => sent[index] ?? Buffer.alloc(0)
  return { window, sent, sentAt }
}

describe('a window of datagrams', () => {
  it('begins with one from every slot, of the size asked for', () => {
    const { window, sent } = windowOf(3)
    window.start()
    expect(sent.map(({ length }) => length)).toEqual([100, 100, 100])
    expect(new Set(sent.map((datagram) => datagram.toString('hex'))).size).toBe(3)
  })

  it('sends another one for each answer', () => {
    const { window, sent, sentAt } = windowOf(2)
    window.start()
    window.take(sentAt(1))
    expect(window.answered).toBe(1)
    expect(sent).toHaveLength(3)
    expect(sentAt(2).readUInt16BE(0)).toBe(1)
  })

  it('counts no answer twice, and none that is too short or of no slot', () => {
    const { window, sent, sentAt } = windowOf(1)
    window.start()
    window.take(sentAt(0))
    window.take(sentAt(0))
    window.take(Buffer.alloc(2))
    window.take(Buffer.alloc(100, 0xff))
    expect(window.answered).toBe(1)
    expect(sent).toHaveLength(2)
  })

  it('gives up what stays without an answer, goes on in its slot, and does not count the late answer', () => {
    const { window, sent, sentAt } = windowOf(1)
    window.start()
    window.tick(1)
    expect(window.lost).toBe(0)
    window.tick(1)
    expect(window.lost).toBe(1)
    expect(sent).toHaveLength(2)
    window.take(sentAt(0))
    expect(window.answered).toBe(0)
    window.take(sentAt(1))
    expect(window.answered).toBe(1)
  })
})
