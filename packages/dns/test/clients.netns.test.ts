/** Real clients with a pod's resolv.conf, in a network namespace: glibc, Node over glibc, kdig, dig. */
import { fileURLToPath } from 'node:url'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { expect, it } from 'vitest'

const SERVER = fileURLToPath(new URL('namespace-server.ts', import.meta.url))

/** As the kubelet writes it. */
const RESOLV_CONF = `nameserver 127.0.0.1
search shop.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
`

const LOOKUP = `
const { lookup } = require('node:dns/promises')
const names = process.argv.slice(1)
const found = (name) => lookup(name, { all: true, verbatim: true }).then(
  (all) => all.map(({ address }) => address).sort().join(' '),
  ({ code }) => code)
Promise.all(names.map(found)).then((all) => process.stdout.write(JSON.stringify(all)))
`

async function startNamespace() {
  const namespace = await NetworkNamespace.create(`dc${uniqueLabId()}`)
  // glibc asks for the families that the host has.
  await namespace.exec(['ip', 'address', 'add', '10.1.9.9/32', 'dev', 'lo'])
  await namespace.exec(['ip', 'address', 'add', 'fd00:1::9/128', 'dev', 'lo'])
  await namespace.setResolvConf(RESOLV_CONF)
  await namespace.spawn([process.execPath, SERVER]).waitForOutput(/answering/)
  return namespace
}

const addressesIn = (output: string): string[] =>
  [...new Set(output.split('\n').map((line) => line.split(' ')[0] ?? ''))].filter((ip) => ip !== '').sort()

it('glibc goes through the search list, finds both families, all of 500 endpoints, and names', async () => {
  await using namespace = await startNamespace()
  const getent = async (...args: string[]) => {
    const { code, stdout } = await namespace.exec(['getent', ...args])
    return code === 0 ? addressesIn(stdout) : code
  }

  expect(await getent('ahosts', 'web')).toEqual(['10.96.0.1', 'fd00::1'])
  expect(await getent('ahosts', 'WEB.shop')).toEqual(['10.96.0.1', 'fd00::1'])
  expect(await getent('ahosts', 'four.shop.svc.cluster.local.')).toEqual(['10.96.0.4'])
  expect(await getent('ahosts', 'db')).toHaveLength(500)
  expect(await getent('ahosts', 'example.com')).toEqual(['192.0.2.1'])
  expect(await getent('ahosts', 'nope.shop.svc.cluster.local')).toBe(2)
  expect((await namespace.exec(['getent', 'hosts', '10.96.0.4'])).stdout).toMatch(
    /^10\.96\.0\.4\s+four\.shop\.svc\.cluster\.local\n$/,
  )
})

it("Node's lookups, many at once, find what is there and tell failure from absence", async () => {
  await using namespace = await startNamespace()
  const names = ['web', 'four.shop', 'nope.shop.svc.cluster.local.', 'broken.example.com.', 'example.com.']
  const { stdout } = await namespace.exec([process.execPath, '-e', LOOKUP, ...names])

  expect(JSON.parse(stdout)).toEqual([
    '10.96.0.1 fd00::1',
    '10.96.0.4',
    'ENOTFOUND',
    'EAI_AGAIN',
    '192.0.2.1',
  ])
})

it('kdig finds records over UDP and TCP, many queries on one connection, and reads why there are none', async () => {
  await using namespace = await startNamespace()
  const kdig = async (...args: string[]) => (await namespace.exec(['kdig', '@127.0.0.1', ...args])).stdout

  const edns = await kdig('+edns', 'web.shop.svc.cluster.local', 'A')
  expect(edns).toContain('status: NOERROR')
  expect(edns).toMatch(/^web\.shop\.svc\.cluster\.local\.\s+5\s+IN\s+A\s+10\.96\.0\.1$/m)
  expect(edns).not.toMatch(/WARNING|malformed/i)
  const both = await kdig(
    '+tcp',
    '+keepopen',
    'web.shop.svc.cluster.local',
    'AAAA',
    'four.shop.svc.cluster.local',
    'A',
  )
  expect(both).toMatch(/AAAA\s+fd00::1$/m)
  expect(both).toMatch(/A\s+10\.96\.0\.4$/m)
  expect((await kdig('+short', 'db.shop.svc.cluster.local')).trim().split('\n')).toHaveLength(500)
  const broken = await kdig('+edns', 'broken.example.com')
  expect(broken).toContain('status: SERVFAIL')
  expect(broken).toMatch(/EDE: 23 \(Network Error\).*the upstream resolver had no answer/)
})

it('dig reads why there is no answer', async () => {
  await using namespace = await startNamespace()
  const { stdout } = await namespace.exec(['dig', '@127.0.0.1', 'broken.example.com'])

  expect(stdout).toContain('status: SERVFAIL')
  expect(stdout).toMatch(/EDE: 23 \(Network Error\): \(the upstream resolver had no answer\)/)
})
