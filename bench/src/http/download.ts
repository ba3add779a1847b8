import { readFile, writeFile } from 'node:fs/promises'
import { cpuSeconds } from '../cpu.ts'
import { parsePeakBytes, residentBytes } from '../memory.ts'
import type { Probe } from '../probe.ts'
import { mustExec } from '../probes/must-exec.ts'
import { PATHS } from './origins.ts'
import { HTTP_PORTS } from './routes.ts'

const GB = 1e9
const MB = 1e6
const BITS = 8

/** One big response: what carries it should take no memory for it. */
export const DOWNLOAD: Probe = {
  name: 'download',
  units: { 'bulk 1 flow': 'Mbit/s', 'bulk CPU s/GB': 's/GB', 'RSS peak growth': 'MB' },
  async run(client, { ip, pids }) {
    const residentBefore = await sumOf(pids, residentBytes)
    await Promise.all(pids.map(resetPeak))
    const before = await cpuSeconds(pids)
    const { bytes, seconds } = await download(client, `http://${ip}:${HTTP_PORTS.http}${PATHS.gigabyte}`)
    const cpu = (await cpuSeconds(pids)) - before
    const rate = { 'bulk 1 flow': (bytes * BITS) / MB / seconds }
    if (pids.length === 0) return rate
    const growth = (await sumOf(pids, peakBytes)) - residentBefore
    return { ...rate, 'bulk CPU s/GB': cpu / (bytes / GB), 'RSS peak growth': growth / MB }
  },
}

async function download(client: Parameters<Probe['run']>[0], url: string) {
  const command = ['curl', '-sS', '--fail', '-o', '/dev/null', '-w', '%{size_download} %{time_total}', url]
  const [bytes = 0, seconds = 0] = (await mustExec(client, command)).split(' ').map(Number)
  return { bytes, seconds }
}

/** proc(5): from here on the peak is that since now. */
function resetPeak(pid: number): Promise<void> {
  return writeFile(`/proc/${pid}/clear_refs`, '5')
}

async function peakBytes(pid: number): Promise<number> {
  return parsePeakBytes(await readFile(`/proc/${pid}/status`, 'utf8'))
}

async function sumOf(pids: readonly number[], bytesOf: (pid: number) => Promise<number>): Promise<number> {
  const all = await Promise.all(pids.map(bytesOf))
  return all.reduce((sum, bytes) => sum + bytes, 0)
}
