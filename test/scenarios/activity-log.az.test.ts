import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import * as path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { loggedIn, needsAz, refused } from './az.ts'
import { startServer } from './running-server.ts'

const launcher = path.join(import.meta.dirname, '../../bin/opengallery.mjs')

interface Event {
  readonly correlationId: string
  readonly operationName: { readonly value: string }
  readonly status: { readonly value: string }
  readonly httpRequest?: { readonly clientIpAddress: string }
}

const inWords = (events: readonly Event[]) =>
  events.map(({ operationName, status }) => `${operationName.value} ${status.value}`)

test('az monitor activity-log shows who did what, and survives a kill', needsAz, async t => {
  const server = await startServer(t)
  const az = await loggedIn(server)
  const { clientId } = server.admin
  await az`group create -n watched -l eastus`
  await az`sig create -g watched -r gallery`
  await refused(az`sig create -g watched -r not-a-name`, /Gallery name is invalid/)
  const disk = await az`disk create -g watched -n disk --size-gb 1`
  await az`disk delete -g watched -n disk -y`

  const all: Event[] = await az`monitor activity-log list --offset 1h`
  assert.deepEqual(inWords(all), [
    'Microsoft.Compute/disks/delete Succeeded',
    'Microsoft.Compute/disks/delete Accepted',
    'Microsoft.Compute/disks/write Succeeded',
    'Microsoft.Compute/disks/write Accepted',
    'Microsoft.Compute/galleries/write Failed',
    'Microsoft.Compute/galleries/write Succeeded',
    'Microsoft.Resources/subscriptions/resourceGroups/write Succeeded',
  ])
  const [, accepted] = all
  assert.match(accepted?.httpRequest?.clientIpAddress ?? '', /127\.0\.0\.1$/)

  const count = async (events: Promise<Event[]>) => (await events).length
  assert.equal(await count(az`monitor activity-log list --resource-group watched --offset 1h`), 7)
  assert.equal(await count(az`monitor activity-log list -g watched --offset 1h --max-events 3`), 3)
  assert.equal(await count(az`monitor activity-log list --resource-id ${disk.id} --offset 1h`), 4)
  assert.equal(await count(az`monitor activity-log list --caller ${clientId} --offset 1h --status Failed`), 1)
  assert.equal(await count(az`monitor activity-log list --caller somebody --offset 1h`), 0)
  assert.equal(await count(az`monitor activity-log list --namespace Microsoft.Resources --offset 1h`), 1)
  assert.equal(await count(az`monitor activity-log list --correlation-id ${accepted?.correlationId} --offset 1h`), 2)
  assert.equal(await count(az`monitor activity-log list --start-time 2020-01-01 --end-time 2020-01-02`), 0)
  assert.deepEqual(Object.keys((await az`monitor activity-log list -g watched --select status`)[0]), ['status'])
  assert.ok((await az`monitor activity-log list-categories`).length > 0)

  await server.kill()
  await server.restart()
  assert.equal(await count(az`monitor activity-log list --resource-group watched --offset 1h`), 7)
  const command = await promisify(execFile)(process.execPath, [launcher, 'activity-log', 'verify'], {
    env: { ...process.env, OPENGALLERY_DATA: server.dataFolder },
  })
  assert.match(command.stdout, /the chain is whole/)
})
