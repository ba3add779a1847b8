import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Reader, Reading } from './reading.ts'

/** The connection ended within a message. */
const CUT = 'HPE_INVALID_EOF_STATE'

interface Listing {
  readonly requests: { line: string; isComplete: boolean }[]
  end: Reading['end']
}

/** What `node:http` sees, which reads by llhttp: as strictly as it does by default, or as leniently as it can. */
export function llhttpReader({ isLenient }: { readonly isLenient: boolean }): Reader {
  const listings = new WeakMap<Duplex, Listing>()
  const server = listingServer(isLenient, listings)
  return async (pieces) => {
    const listing: Listing = { requests: [], end: 'clean' }
    const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
    listings.set(stream, listing)
    const closed = once(stream, 'close')
    server.emit('connection', stream)
    for (const piece of pieces) {
      stream.push(piece)
      // As each comes after the response to what is before it: llhttp forgets what is behind a refused upgrade.
      await turn()
    }
    stream.push(null)
    await closed
    return listing
  }
}

function listingServer(isLenient: boolean, listings: WeakMap<Duplex, Listing>): Server {
  const options = { insecureHTTPParser: isLenient, maxHeaderSize: 1_048_576, requireHostHeader: !isLenient }
  const server = createServer(options)
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const seen = { line: `${request.method} ${request.url}`, isComplete: false }
    listings.get(request.socket)?.requests.push(seen)
    request.on('end', () => {
      seen.isComplete = request.complete
    })
    request.on('error', () => {})
    request.resume()
    response.shouldKeepAlive = true
    response.end()
  }
  server.on('request', answer)
  server.on('checkExpectation', answer)
  server.on('clientError', ({ code }: NodeJS.ErrnoException, stream) => {
    const listing = listings.get(stream)
    if (listing !== undefined) listing.end = code === CUT ? 'waiting' : 'refused'
    stream.destroy()
  })
  return server
}
