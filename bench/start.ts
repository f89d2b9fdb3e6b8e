import { spawn } from 'node:child_process'
import * as path from 'node:path'
import { bareFastify } from './http-tools.ts'
import { serverWithVersions } from './many-versions.ts'
import { type Benchmark, secondsOf, sideBySide } from './measure.ts'

/** From the start of the process to its first answer, with 10,000 versions stored, beside a bare Fastify over TLS. */
export const start: Benchmark = async tools => {
  const { server } = await serverWithVersions(tools)
  await bareFastify(tools, '{}') // makes its key and certificate
  const bare = () =>
    new Promise<void>((resolve, reject) => {
      const files = ['bare.key', 'bare.pem', 'bare.json'].map(name => path.join(tools.folder, name))
      const child = spawn(process.execPath, [path.join(import.meta.dirname, 'bare-fastify.ts'), ...files], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      child.once('error', reject)
      child.stdout.once('data', () => child.kill())
      child.once('exit', () => resolve())
    })
  const cost = await sideBySide(
    5,
    async () => {
      await server.stop()
      return secondsOf(async () => {
        await server.restart()
        await fetch(`${server.url}/metadata/endpoints?api-version=2022-09-01`)
      })
    },
    () => secondsOf(bare),
  )
  return [{ metric: 'start-with-10000-versions', unit: 's', ...cost, name: 'the start of a bare Fastify', must: 5 }]
}
