import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TcpClients } from './tcp-clients.ts'

interface Connection {
  readonly name: string
  readonly isIdle: boolean
}

const open = (name: string, isIdle = true): Connection => ({ name, isIdle })

type OfClient = Connection & { readonly address: string }

/** A client comes: it gets a connection if it may, in the place of another's or not. */
function arrive(clients: TcpClients<OfClient>, address: string): void {
  const room = clients.roomFor(address)
  if (room === 'none') return
  if (room !== 'free') clients.delete(room.address, room)
  clients.add(address, { ...open('any'), address })
}

describe('TcpClients', () => {
  it('has room up to its number, whoever comes', () => {
    const clients = new TcpClients<Connection>(2)
    clients.add('10.1.0.1', open('a'))
    expect(clients.roomFor('10.1.0.1')).toBe('free')
    clients.add('10.1.0.1', open('b'))
    expect(clients.roomFor('10.1.0.1')).toBe('none')
  })

  it('makes room for who has fewer at the cost of who has most: the oldest idle one, else the oldest', () => {
    const clients = new TcpClients<Connection>(3)
    const [busy, idle, late] = [open('busy', false), open('idle'), open('late')]
    for (const connection of [busy, idle, late]) clients.add('10.1.0.1', connection)
    expect(clients.roomFor('10.1.0.2')).toBe(idle)

    clients.delete('10.1.0.1', idle)
    clients.delete('10.1.0.1', late)
    for (const name of ['second', 'third']) clients.add('10.1.0.1', open(name, false))
    expect(clients.roomFor('10.1.0.2')).toBe(busy)
  })

  it('never takes from a client what another then has', () => {
    const clients = new TcpClients<Connection>(2)
    clients.add('10.1.0.1', open('a'))
    clients.add('10.1.0.2', open('b'))
    expect(clients.roomFor('10.1.0.3')).toBe('none')
  })

  it('gives each client its fair share in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 100, maxLength: 200 }), (arrivals) => {
        const clients = new TcpClients<OfClient>(12)
        const insisting = Array<number[]>(12).fill([0, 1, 2, 3]).flat()
        for (const client of [...arrivals, ...insisting]) arrive(clients, `10.1.0.${client}`)
        const counts = [0, 1, 2, 3].map(
          (client) => [...clients].filter(({ address }) => address === `10.1.0.${client}`).length,
        )
        expect(clients.size).toBe(12)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }),
    )
  })
})
