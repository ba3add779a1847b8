/** Prints where the node is now, for each address that is given: run in a network namespace by the test. */
import { presentHostIp } from '../../src/own-endpoints/host-address.ts'

const present = await presentHostIp()
process.stdout.write(JSON.stringify(process.argv.slice(2).map(present)))
