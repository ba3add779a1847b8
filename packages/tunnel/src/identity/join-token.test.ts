import { describe, expect, it } from 'vitest'
import { DAY, NODE, START, World } from '../../test/identity-world.ts'
import { parseJoinToken, parseJoinTokens } from './join-token.ts'

describe('a join token', () => {
  it('says what it is for, and cannot be changed', async () => {
    const world = new World()
    const keys = await world.keys()
    const token = keys.createToken({ node: NODE, uses: 'single', validSeconds: DAY })
    const [body = '', signature = ''] = token.text.slice('edgeway2.'.length).split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
    const changed = Buffer.from(JSON.stringify({ ...claims, node: 'edge-2' })).toString('base64url')

    expect(parseJoinToken(token.text)).toEqual(token)
    expect(token).toMatchObject({ node: NODE, uses: 'single', notAfter: START + DAY, cluster: keys.cluster })
    expect(() => parseJoinToken(`edgeway2.${changed}.${signature}`)).toThrow(/it was changed/)
    expect(() => parseJoinToken('edgeway1.x.y')).toThrow(/older version/)
    expect(() => parseJoinToken(token.text.slice(0, -5))).toThrow(/cut off/)
    expect(() => parseJoinTokens('# nothing\n', 'the file')).toThrow(/the file is empty/)
    expect(() => keys.createToken({ uses: 'single' })).toThrow(RangeError)
  })

  it('for a single use is used by one key, which may come again', async () => {
    const world = new World()
    const [one, two] = [await world.keys(), await world.keys()]
    const token = one.createToken({ uses: 'single', validSeconds: DAY })
    const results = await Promise.all([one.spend(token, 'peer-1'), two.spend(token, 'peer-2')])

    expect(results.toSorted()).toEqual(['spent', 'taken'])
    const winner = results[0] === 'spent' ? 'peer-1' : 'peer-2'
    expect(await (await world.keys()).spend(token, winner)).toBe('spent')
  })

  it('is not used up where that can not be stored', async () => {
    const world = new World()
    const keys = await world.keys()
    const token = keys.createToken({ uses: 'single', validSeconds: DAY })
    world.stored.isFull = true
    await expect(keys.spend(token, 'peer-1')).rejects.toThrow('no space left')
    world.stored.isFull = false

    expect(await keys.spend(token, 'peer-2')).toBe('spent')
  })
})
