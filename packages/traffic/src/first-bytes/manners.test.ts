import { formatServicePortName } from '@edgeway/core'
import { serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Manners, MannersSeen } from './manners.ts'

const SERVICE = serviceOf('shop/web:main', '10.96.0.1', 80)
const MAIN = formatServicePortName('shop', 'web', 'main')
const OTHER = formatServicePortName('shop', 'web', 'other')

let nowMs: number
let seen: MannersSeen

const manners = (): Manners => seen.of(SERVICE, MAIN)

beforeEach(() => {
  nowMs = 1_000
  seen = new MannersSeen(() => nowMs)
})

describe('MannersSeen', () => {
  it('knows nothing at first', () => {
    expect(manners()).toBe('unknown')
  })

  it('remembers for ten minutes that a server speaks first', () => {
    seen.sawGreeting(SERVICE, MAIN)
    nowMs += 599_999
    expect(manners()).toBe('server-first')
    nowMs += 1
    expect(manners()).toBe('unknown')
  })

  it('remembers that clients speak HTTP', () => {
    seen.sawHttp(SERVICE, MAIN)
    nowMs += 86_400_000
    expect(manners()).toBe('http')
  })

  it('lets one greeting say nothing where clients speak HTTP', () => {
    seen.sawHttp(SERVICE, MAIN)
    seen.sawGreeting(SERVICE, MAIN)
    expect(manners()).toBe('http')
  })

  it('takes requests for the last word', () => {
    seen.sawGreeting(SERVICE, MAIN)
    seen.sawHttp(SERVICE, MAIN)
    expect(manners()).toBe('http')
  })

  it('keeps the ports of a Service apart', () => {
    seen.sawHttp(SERVICE, MAIN)
    expect(seen.of(SERVICE, OTHER)).toBe('unknown')
  })

  it('knows nothing of a Service that has changed', () => {
    seen.sawHttp(SERVICE, MAIN)
    expect(seen.of({ ...SERVICE }, MAIN)).toBe('unknown')
  })
})
