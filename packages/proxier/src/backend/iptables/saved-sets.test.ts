import { describe, expect, it } from 'vitest'
import { SetNames } from './names.ts'
import { diffSets, parseSavedSets, renderAdditions, renderDeletions } from './saved-sets.ts'

const PREFIX = 'EDGEWAY-NFT'
const { reject, kernel } = new SetNames(PREFIX).fixed.IPv4
const clients = { name: `${PREFIX}4-A-1`, type: 'hash:ip', family: 'IPv4' } as const

describe('parseSavedSets', () => {
  it('reads members of our sets, without timeouts', () => {
    const saved = `create ${clients.name} hash:ip family inet timeout 0
add ${clients.name} 10.0.0.1 timeout 9
create foreign hash:ip family inet
add foreign 10.0.0.2
`
    expect(parseSavedSets(saved, PREFIX)).toEqual(new Map([[clients.name, new Set(['10.0.0.1'])]]))
  })

  it.each([
    ['::ffff:10.96.0.1,tcp:80', '::ffff:a60:1,tcp:80'],
    ['::10.96.0.1,udp:80,::10.96.0.1', '::a60:1,udp:80,::a60:1'],
    ['10.96.0.1,tcp:80', '10.96.0.1,tcp:80'],
  ])('reads %s as %s', (printed, canonical) => {
    const saved = `create ${reject.name} hash:ip,port\nadd ${reject.name} ${printed}\n`
    expect(parseSavedSets(saved, PREFIX).get(reject.name)).toEqual(new Set([canonical]))
  })
})

describe('diffSets', () => {
  const wanted = new Map([
    [
      reject.name,
      {
        set: reject,
        members: new Map([
          ['10.0.0.1,tcp:80', 1],
          ['10.0.0.2,tcp:80', 1],
        ]),
      },
    ],
    [clients.name, { set: clients, members: new Map<string, number>() }],
  ])
  const found = new Map([
    [reject.name, new Set(['10.0.0.2,tcp:80', '10.0.0.3,tcp:80'])],
    [clients.name, new Set(['10.0.0.9'])],
    [kernel.name, new Set<string>()],
  ])

  it('adds what is missing, deletes what is too much and keeps the clients of slots', () => {
    const delta = diffSets(wanted, found)
    expect(delta).toMatchObject({
      added: [[reject.name, '10.0.0.1,tcp:80']],
      deleted: [[reject.name, '10.0.0.3,tcp:80']],
      destroyed: [kernel.name],
    })
    expect(renderAdditions(delta)).toBe(
      `create -exist ${reject.name} hash:ip,port family inet maxelem 1048576
create -exist ${clients.name} hash:ip family inet hashsize 64 maxelem 65536 timeout 0
add -exist ${reject.name} 10.0.0.1,tcp:80
`,
    )
    expect(renderDeletions(delta)).toBe(`del -exist ${reject.name} 10.0.0.3,tcp:80\nflush ${kernel.name}\n`)
  })
})
