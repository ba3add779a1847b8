import {
  CONTINUE,
  EVIL,
  HELLO,
  type HostileResponse,
  type ResponseFlaw,
  response,
  responseFamily,
} from './hostile-response.ts'

const CLOSING = response(
  'HTTP/1.1 413 Content Too Large',
  ['Content-Length: 5', 'Connection: close'],
  'hello',
)
const PART = 'Content-Length: 500\r\n\r\nhello'

/** Who answers before the body has come still takes what comes next for that body. */
const EARLY: readonly ResponseFlaw[] = [
  {
    name: 'of a length',
    flaw: 'the response comes before a body that never ends',
    text: HELLO,
    upload: PART,
  },
  {
    name: 'of chunks',
    flaw: 'the response comes before chunks that never end',
    text: HELLO,
    upload: 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  },
  {
    name: 'within a chunk',
    flaw: 'the response comes within a chunk',
    text: HELLO,
    upload: 'Transfer-Encoding: chunked\r\n\r\nffff\r\nhello',
  },
  {
    name: 'and no body',
    flaw: 'the response comes before a body that never begins',
    text: HELLO,
    upload: 'Content-Length: 500\r\n\r\n',
  },
  {
    name: 'and close',
    flaw: 'the response that comes before the body is the last',
    text: CLOSING,
    upload: PART,
    ends: true,
  },
  {
    name: 'and its end',
    flaw: 'the connection ends with the response that comes before the body',
    text: HELLO,
    upload: PART,
    ends: true,
  },
  { name: 'and another', flaw: 'two responses come before the body', text: HELLO + EVIL, upload: PART },
  {
    name: 'and an expectation',
    flaw: 'the response comes where the client waits for 100',
    text: HELLO,
    upload: 'Expect: 100-continue\r\nContent-Length: 500\r\n\r\n',
  },
  {
    name: 'and 100',
    flaw: 'the response comes together with 100',
    text: CONTINUE + HELLO,
    upload: 'Expect: 100-continue\r\nContent-Length: 500\r\n\r\n',
  },
].map((flaw) => ({ ...flaw, method: 'POST' as const, fate: 'passed' as const }))

/** Responses that come before the request is complete. */
export function earlyAnswers(): HostileResponse[] {
  return responseFamily('early', EARLY)
}
