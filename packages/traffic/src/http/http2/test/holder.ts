import type { ServerHttp2Stream } from 'node:http2'

/** Keeps streams until they are let go. */
export class Holder {
  readonly held: ServerHttp2Stream[] = []
  readonly hold = ({ stream }: { readonly stream: ServerHttp2Stream }): void => {
    stream.respond({ ':status': 200 })
    this.held.push(stream)
  }

  release(text: string): void {
    for (const stream of this.held.splice(0)) stream.end(text)
  }
}
