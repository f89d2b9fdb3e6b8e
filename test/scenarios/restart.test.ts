import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertVhdOf, fixedVhd, mebibyte, noise, signedBlob, uploadPages } from './disk-image.ts'
import { type RunningServer, startServer } from './running-server.ts'

/** Every poll is a plain request, so that what a client sees between death and restart stays in the test's hands. */
const armOf = async (server: RunningServer) => {
  const { clientId, clientSecret, tenantId, subscriptionId } = server.admin
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
  const answer = await fetch(`${server.url}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...form, scope: `${server.url}/.default` }),
  })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  return async (method: string, path: string, body?: unknown) => {
    const group = `/subscriptions/${subscriptionId}/resourceGroups/restart`
    const url = path.startsWith('https:') ? path : `${server.url}${group}${path}?api-version=2023-07-03`
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
    // biome-ignore lint/suspicious/noExplicitAny: the assertions look at the shape.
    return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : undefined) as any }
  }
}

type Send = Awaited<ReturnType<typeof armOf>>

const finished = async (send: Send, url: string) => {
  for (let tries = 0; tries < 600; tries++) {
    const { body } = await send('GET', url)
    if (!['InProgress', 'Running', 'Updating', 'Creating', 'Deleting'].includes(body.status)) return body
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error(`The operation did not end: ${url}`)
}

const done = async (send: Send, method: string, path: string, body?: unknown) => {
  const answer = await send(method, path, body)
  const url = answer.headers.get('azure-asyncoperation')
  if (!url) return answer.body
  const { status, error, properties } = await finished(send, url)
  assert.equal(status, 'Succeeded', JSON.stringify(error))
  return properties?.output
}

const compute = '/providers/Microsoft.Compute'
const definition = `${compute}/galleries/corp/images/ubuntu`

test('a server that is killed while it publishes takes the work up again, and a client that polls sees it end', async t => {
  const server = await startServer(t)
  const send = await armOf(server)
  const image = noise(1, 96 * mebibyte)
  const vhd = fixedVhd(image)

  await send('PUT', '', { location: 'eastus' })
  await done(send, 'PUT', `${compute}/galleries/corp`, { location: 'eastus' })
  const identifier = { publisher: 'p', offer: 'o', sku: 's' }
  const properties = { osType: 'Linux', osState: 'Generalized', hyperVGeneration: 'V2', identifier }
  await done(send, 'PUT', definition, { location: 'eastus', properties })
  const creationData = { createOption: 'Upload', uploadSizeBytes: vhd.length }
  const disk = `${compute}/disks/golden`
  await done(send, 'PUT', disk, {
    location: 'eastus',
    properties: { creationData, osType: 'Linux', hyperVGeneration: 'V2' },
  })
  const write = await done(send, 'POST', `${disk}/beginGetAccess`, { access: 'Write', durationInSeconds: 3600 })
  await uploadPages(signedBlob(write), vhd)
  await done(send, 'POST', `${disk}/endGetAccess`)
  const { body: source } = await send('GET', disk)

  const publish = async (name: string) => {
    const targetRegions = ['eastus', 'westus2', 'westeurope', 'southeastasia'].map(name => ({ name }))
    const answer = await send('PUT', `${definition}/versions/${name}`, {
      location: 'eastus',
      properties: {
        storageProfile: { osDiskImage: { source: { id: source.id } } },
        publishingProfile: { targetRegions },
      },
    })
    assert.equal(answer.status, 201)
    return answer.headers.get('azure-asyncoperation') ?? ''
  }

  await t.test('killed at once, and again while it catches up', async () => {
    const poll = await publish('1.0.0')
    assert.equal((await send('GET', poll)).body.status, 'InProgress')
    await server.kill()
    await assert.rejects(send('GET', poll))
    await server.restart()
    const { status } = (await send('GET', poll)).body
    if (status === 'InProgress') {
      await server.kill()
      await server.restart()
    }
    const operation = await finished(send, poll)
    assert.equal(operation.status, 'Succeeded', JSON.stringify(operation))
    const { body } = await send('GET', `${definition}/versions/1.0.0`)
    assert.equal(body.properties.provisioningState, 'Succeeded')
  })

  await t.test('a graceful stop keeps the work as well, and says goodbye with 0', async () => {
    const poll = await publish('1.0.1')
    assert.equal(await server.stop(), 0)
    await server.restart()
    assert.equal((await finished(send, poll)).status, 'Succeeded')
  })

  await t.test('the bytes are whole, in the farthest region too', async () => {
    for (const [name, location] of [
      ['near', 'eastus'],
      ['far', 'southeastasia'],
    ]) {
      const id = `/subscriptions/${server.admin.subscriptionId}/resourceGroups/restart${definition}/versions/1.0.0`
      const creationData = { createOption: 'FromImage', galleryImageReference: { id } }
      await done(send, 'PUT', `${compute}/disks/${name}`, { location, properties: { creationData } })
      const read = await done(send, 'POST', `${compute}/disks/${name}/beginGetAccess`, {
        access: 'Read',
        durationInSeconds: 600,
      })
      assertVhdOf(await signedBlob(read).downloadToBuffer(), image)
    }
  })
})

test('a server that is killed while it carries out a template goes on with it, and leaves alone what was made', async t => {
  const server = await startServer(t)
  const send = await armOf(server)
  await send('PUT', '', { location: 'eastus' })
  const count = 90 // a region has at most 100
  const gallery = {
    type: 'Microsoft.Compute/galleries',
    apiVersion: '2023-07-03',
    name: "[format('g{0:D2}', copyIndex())]",
    location: '[resourceGroup().location]',
    copy: { name: 'galleries', count, mode: 'serial', batchSize: 2 },
    tags: { secret: "[uniqueString(parameters('word'))]" },
  }
  const properties = {
    mode: 'Incremental',
    parameters: { word: { value: 'kept over the crash' } },
    template: {
      $schema: 'x',
      contentVersion: '1.0.0.0',
      parameters: { word: { type: 'securestring' } },
      resources: [gallery],
      outputs: { last: { type: 'string', value: "[reference('g89').identifier.uniqueName]" } },
    },
  }
  const deployment = '/providers/Microsoft.Resources/deployments/many'
  const begun = await send('PUT', deployment, { properties })
  const url = begun.headers.get('azure-asyncoperation') as string
  const galleries = async () =>
    (await send('GET', `${compute}/galleries`)).body.value as {
      systemData: { createdAt: string; lastModifiedAt: string }
    }[]
  let seen = 0
  for (let tries = 0; tries < 2000 && seen < 10; tries++) {
    seen = (await galleries()).length
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  await server.kill()
  assert.ok(seen >= 10 && seen < count, `${seen} were there before the kill: it was not in the middle.`)
  await server.restart()
  const again = await armOf(server)
  const { status, error } = await finished(again, url)
  assert.equal(status, 'Succeeded', JSON.stringify(error))
  const made = await galleries()
  assert.equal(made.length, count)
  const changed = made.filter(({ systemData }) => systemData.createdAt !== systemData.lastModifiedAt)
  assert.ok(changed.length <= 2, `${changed.length} were made again; only a batch that was under way may be.`)
  const shown = await again('GET', deployment)
  assert.match(shown.body.properties.outputs.last.value, /G89/)
  const operations = await again('GET', `${deployment}/operations`)
  assert.equal(operations.body.value.length, count + 1)
})
