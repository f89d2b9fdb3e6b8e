import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { startRegion } from '../../src/region.ts'
import { joinRegion } from '../../src/region-access.ts'
import { peakMiB } from './peak-memory.ts'

// A region in a process of its own: `node region-process.ts FOLDER`. It prints its port when it is ready, ends with its standard input,
// and then prints the most memory that it held. FOLDER/access.json lets a gallery in.

const [folder = ''] = process.argv.slice(2)
await fs.mkdir(folder, { recursive: true })
const { join, access } = await joinRegion('', 'westeurope', '127.0.0.1')
await fs.writeFile(path.join(folder, 'access.json'), JSON.stringify(access))
await fs.writeFile(path.join(folder, 'certificate.json'), JSON.stringify({ key: join.key, cert: join.cert }))
const data = path.join(folder, 'data')
await fs.mkdir(data, { recursive: true })
const region = await startRegion({
  dataFolder: data,
  join,
  host: '127.0.0.1',
  port: 0,
  clock: systemClock,
  log: silentLog,
})
console.log(JSON.stringify({ port: region.port }))
process.stdin.resume()
await once(process.stdin, 'end')
await region.stop()
console.log(JSON.stringify({ peakMiB: peakMiB() }))
