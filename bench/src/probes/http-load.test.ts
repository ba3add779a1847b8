import { describe, expect, it } from 'vitest'
import { parseH2load, parseWrkLoad } from './http-load.ts'

const WRK = `  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   670.20us    3.04ms  39.17ms   97.26%
    Req/Sec    36.89k    14.53k   59.23k    70.00%
  Latency Distribution
     50%   54.00us
     99%    1.69s 
  36770 requests in 1.00s, 5.33MB read
Requests/sec:  36688.99
Transfer/sec:      5.32MB
`

const H2LOAD = `finished in 1.00s, 20324.00 req/s, 138.80KB/s
requests: 20326 total, 20326 started, 20326 done, 20324 succeeded, 2 failed, 2 errored, 0 timeout
status codes: 20324 2xx, 0 3xx, 0 4xx, 0 5xx
time for request:       39us       773us        88us        47us    96.60%
`

describe('what wrk writes', () => {
  it('is read', () => {
    expect(parseWrkLoad(WRK)).toEqual({
      requests: 36_770,
      perSecond: 36_688.99,
      meanUs: 670.2,
      p50Us: 54,
      p99Us: 1_690_000,
    })
  })

  it.each(['  Socket errors: connect 0, read 3, write 0, timeout 0', '  Non-2xx or 3xx responses: 12'])(
    'is no figure with %s',
    (line) => {
      expect(() => parseWrkLoad(WRK.replace('Requests/sec', `${line}\nRequests/sec`))).toThrow(line.trim())
    },
  )
})

describe('what h2load writes', () => {
  it('is read, without the requests that were cut off at the end', () => {
    expect(parseH2load(H2LOAD, 2)).toEqual({ requests: 20_324, perSecond: 20_324, meanUs: 88 })
  })

  it('is no figure when more requests failed', () => {
    expect(() => parseH2load(H2LOAD, 1)).toThrow('2 failed')
  })

  it('is no figure with responses that are errors', () => {
    expect(() => parseH2load(H2LOAD.replace('0 5xx', '7 5xx'), 2)).toThrow('7 with other statuses')
  })
})
