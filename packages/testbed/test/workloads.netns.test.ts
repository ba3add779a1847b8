import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Lab,
  type LabPod,
  patternSha256,
  startHttpEcho,
  startTcpEcho,
  startTcpGreeter,
} from '../src/index.ts'

/** For what others on a loaded machine may delay. */
const DEADLINE = { timeout: 20_000 }

describe('workloads', () => {
  let lab: Lab
  let client: LabPod
  let server: LabPod

  beforeAll(async () => {
    lab = await Lab.create({ cloud: [{ name: 'cloud', pods: [{ name: 'client' }, { name: 'server' }] }] })
    client = lab.pod('client')
    server = lab.pod('server')
  })

  afterAll(() => lab[Symbol.asyncDispose]())

  /** What bash answers after it ran that script with the connection at descriptor 3. */
  async function talk(to: { address: string; port: number }, script: string): Promise<string> {
    const connect = `exec 3<>/dev/tcp/${to.address}/${to.port}`
    return (await client.exec(['bash', '-c', `${connect}; ${script}`])).stdout
  }

  async function curl(url: string, ...options: string[]): Promise<string> {
    return (await client.exec(['curl', '-s', '--noproxy', '*', ...options, url])).stdout
  }

  describe('http-echo', () => {
    let url: string

    beforeAll(async () => {
      const { address, port } = await startHttpEcho(server, { port: 8080 })
      url = `http://${address}:${port}`
    })

    it('says who answers whom', async () => {
      expect(JSON.parse(await curl(`${url}/a?b=1`, '-X', 'PUT', '--local-port', '40000'))).toEqual({
        pod: 'server',
        node: 'cloud',
        path: '/a?b=1',
        method: 'PUT',
        client: `${client.address}:40000`,
      })
    })

    it('sends the bytes whose checksum is known beforehand, and checks those it gets', async () => {
      const bytes = 1_000_001
      const both = `curl -s --noproxy '*' '${url}/bytes?n=${bytes}' | curl -s --noproxy '*' --data-binary @- ${url}/sink`
      const { stdout } = await client.exec(['sh', '-c', both])
      expect(JSON.parse(stdout)).toEqual({ bytes, sha256: patternSha256(bytes) })
    })

    it('stops sending when its reader stops, and goes on when the reader does', async () => {
      const bytes = 100_000_000
      const before = await stats()
      const reader = client.spawn([
        'sh',
        '-c',
        `echo $$; exec curl -s --noproxy '*' '${url}/bytes?n=${bytes}' -o /dev/null --limit-rate 1M`,
      ])
      await expect.poll(async () => (await stats()).sent, DEADLINE).toBeGreaterThan(before.sent)
      reader.kill('SIGSTOP')
      // What fits into the buffers of two sockets goes on for a moment.
      await expect.poll(sentTwiceTheSame, DEADLINE).toBe(true)
      const { sent } = await stats()
      expect(sent - before.sent).toBeLessThan(bytes)

      reader.kill('SIGCONT')
      await expect.poll(async () => (await stats()).sent, DEADLINE).toBeGreaterThan(sent)
      await reader[Symbol.asyncDispose]()
    })

    it('stops reading after as many bytes as it is told', async () => {
      const before = await stats()
      const upload = `head -c 50000000 /dev/zero | curl -s --noproxy '*' --data-binary @- '${url}/stall?after=1000000'`
      await using _sender = client.spawn(['sh', '-c', upload])
      await expect
        .poll(async () => (await stats()).received, DEADLINE)
        .toBeGreaterThanOrEqual(before.received + 1_000_000)
      expect((await stats()).received).toBeLessThan(before.received + 2_000_000)
    })

    async function stats(): Promise<{ sent: number; received: number; open: number }> {
      return JSON.parse(await curl(`${url}/stats`))
    }

    async function sentTwiceTheSame(): Promise<boolean> {
      const { sent } = await stats()
      return (await stats()).sent === sent
    }
  })

  it('tcp-greeter speaks first and then sends each line back', async () => {
    const greeter = await startTcpGreeter(server, { port: 0, name: 'greeter' })
    const script = 'read -u 3 a; echo "$a"; echo one >&3; read -u 3 b; echo "$b"'
    expect(await talk(greeter, script)).toBe('hello from greeter on cloud\none\n')
  })

  it('tcp-echo sends everything back after the client’s end of stream', async () => {
    const echo = await startTcpEcho(server, { port: 0 })
    const script = `
      const socket = require('node:net').connect(${echo.port}, '${echo.address}')
      socket.end(Buffer.alloc(3000000, 'x'))
      let count = 0
      socket.on('data', (chunk) => { count += chunk.length }).on('end', () => console.log(count))`
    expect((await client.exec([process.execPath, '-e', script])).stdout).toBe('3000000\n')
  })

  it('end when they are disposed', async () => {
    const echo = await startTcpEcho(server, { port: 0 })
    await echo[Symbol.asyncDispose]()
    expect(echo.process.running).toBe(false)
  })

  it('say why they do not start', async () => {
    await startTcpEcho(server, { port: 9999 })
    await expect(startTcpEcho(server, { port: 9999 })).rejects.toThrow('EADDRINUSE')
  })
})
