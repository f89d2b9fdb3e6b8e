import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { Type } from 'typebox'
import type { Provider } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { SUBSCRIPTION, startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'
import { startTestServer } from '../../../../../test/support/test-server.ts'

const DEPLOYMENT = 'resourceGroups/rg/providers/Microsoft.Resources/deployments/first'

/** A provider whose resources take as long as the test wants. */
class SlowProvider {
  readonly made: string[] = []
  readonly #open = Promise.withResolvers<void>()
  readonly #asked = Promise.withResolvers<void>()
  readonly #gate = Promise.withResolvers<void>()
  /** Resolves when that many have begun. */
  async begun(count: number): Promise<void> {
    for (let turns = 0; this.made.length < count; turns++) {
      assert.ok(turns < 100_000, `Only ${this.made.join(', ')} began.`)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  finish(): void {
    this.#open.resolve()
    this.letThrough()
  }
  /** Resolves when a template was asked about that has a gated thing; it is answered when it is let through. */
  get asked(): Promise<void> {
    return this.#asked.promise
  }
  letThrough(): void {
    this.#gate.resolve()
  }
  provider(): Provider {
    return {
      namespace: 'Test.Slow',
      types: [
        {
          type: 'Test.Slow/things',
          apiVersions: ['2024-01-01'],
          tracked: true,
          schema: Type.Object({
            properties: Type.Optional(Type.Object({})),
          }),
          operationsType: 'Test.Slow/locations/operations',
          preflight: async ({ id }) => {
            if (id.name !== 'gated') return
            this.#asked.resolve()
            await this.#gate.promise
          },
          plan: async ({ wanted }) => ({ document: wanted, work: { kind: 'make thing', input: {} } }),
        },
      ],
      operations: [
        {
          kind: 'make thing',
          run: async ({ document, signal }) => {
            this.made.push(document.name)
            const aborted = new Promise<never>((_, reject) =>
              signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
            )
            if (document.name !== 'quick') await Promise.race([this.#open.promise, aborted])
            return {}
          },
        },
      ],
    }
  }
}

const start = async (t: TestContext): Promise<{ world: TestArm; slow: SlowProvider }> => {
  const slow = new SlowProvider()
  const world = await startTestArm({ providers: [slow.provider()] })
  t.after(() => {
    slow.finish()
    return world.close()
  })
  await world.send('PUT', 'resourceGroups/rg', { location: 'eastus' })
  return { world, slow }
}

const thing = (name: string, more: JsonObject = {}): JsonObject => ({
  type: 'Test.Slow/things',
  apiVersion: '2024-01-01',
  name,
  location: 'eastus',
  properties: {},
  ...more,
})

const wish = (resources: readonly JsonObject[], more: JsonObject = {}) => ({
  properties: { mode: 'Incremental', template: { $schema: 'x', contentVersion: '1.0.0.0', resources, ...more } },
})

const statesOf = async (world: TestArm) => {
  const { body } = await world.send('GET', `${DEPLOYMENT}/operations`)
  return Object.fromEntries(
    body.value.map(
      ({ properties }: { properties: { provisioningState: string; targetResource?: { resourceName: string } } }) => [
        properties.targetResource?.resourceName ?? 'outputs',
        properties.provisioningState,
      ],
    ),
  )
}

const settled = async (world: TestArm) => {
  await world.arm.settled(`/subscriptions/${SUBSCRIPTION}/${DEPLOYMENT}`.toLowerCase())
  return (await world.send('GET', DEPLOYMENT)).body.properties
}

test('while a deployment runs, its name is taken and what it waits for is told', async t => {
  const { world, slow } = await start(t)
  const body = wish([thing('quick'), thing('slow', { dependsOn: ['quick'] }), thing('later', { dependsOn: ['slow'] })])
  await world.send('PUT', DEPLOYMENT, body)
  await slow.begun(2)
  assert.equal((await world.send('GET', DEPLOYMENT)).body.properties.provisioningState, 'Running')
  assert.deepEqual(await statesOf(world), { quick: 'Succeeded', slow: 'Running' })
  assert.equal((await world.send('PUT', DEPLOYMENT, body)).body.error.code, 'DeploymentActive')
  assert.equal((await world.send('DELETE', DEPLOYMENT)).body.error.code, 'DeploymentActive')
  slow.finish()
  assert.equal((await settled(world)).provisioningState, 'Succeeded')
  assert.deepEqual(slow.made, ['quick', 'slow', 'later'])
})

test('a cancelled deployment begins nothing more; what runs goes on', async t => {
  const { world, slow } = await start(t)
  await world.send('PUT', DEPLOYMENT, wish([thing('slow'), thing('later', { dependsOn: ['slow'] })]))
  await slow.begun(1)
  assert.equal((await world.send('POST', `${DEPLOYMENT}/cancel`)).status, 204)
  assert.equal((await world.send('GET', DEPLOYMENT)).body.properties.provisioningState, 'Canceled')
  assert.deepEqual(await statesOf(world), { slow: 'Canceled' })
  slow.finish()
  await world.arm.settled(
    `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg/providers/Test.Slow/things/slow`.toLowerCase(),
  )
  const thingPath = 'resourceGroups/rg/providers/Test.Slow/things'
  assert.equal((await world.send('GET', `${thingPath}/slow`)).body.properties.provisioningState, 'Succeeded')
  assert.equal((await world.send('GET', `${thingPath}/later`)).status, 404)
  assert.equal(
    (await world.complete('PUT', DEPLOYMENT, wish([thing('quick')]))).body.properties.provisioningState,
    'Succeeded',
  )
})

const nested = (name: string, resources: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  type: 'Microsoft.Resources/deployments',
  apiVersion: '2022-09-01',
  name,
  properties: wish(resources).properties,
  ...more,
})

const stateOf = async (world: TestArm, name: string) =>
  (await world.send('GET', DEPLOYMENT.replace('first', name))).body.properties.provisioningState

test('cancelling takes nested deployments along, however deep', async t => {
  const { world, slow } = await start(t)
  const inner = nested('inner', [thing('slow'), thing('later', { dependsOn: ['slow'] })])
  await world.send('PUT', DEPLOYMENT, wish([nested('outer', [inner])]))
  await slow.begun(1)
  await world.send('POST', `${DEPLOYMENT}/cancel`)
  assert.equal(await stateOf(world, 'outer'), 'Canceled')
  assert.equal(await stateOf(world, 'inner'), 'Canceled')
})

test('a nested deployment that was asked for and has not begun never does, once the outer one is cancelled', async t => {
  const { world, slow } = await start(t)
  await world.send('PUT', DEPLOYMENT, wish([nested('inside', [thing('gated')])]))
  await slow.asked
  await world.send('POST', `${DEPLOYMENT}/cancel`)
  assert.equal(await stateOf(world, 'first'), 'Canceled')
  slow.letThrough()
  for (let turns = 0; turns < 1000; turns++) await new Promise(resolve => setImmediate(resolve))
  assert.equal((await world.send('HEAD', DEPLOYMENT.replace('first', 'inside'))).status, 404)
})

test('cancelling leaves alone the deployments that a template names and has not begun', async t => {
  const { world, slow } = await start(t)
  await world.send('PUT', DEPLOYMENT.replace('first', 'other'), wish([thing('theirs')]))
  await world.send('PUT', DEPLOYMENT, wish([thing('slow'), nested('other', [], { dependsOn: ['slow'] })]))
  await slow.begun(2)
  await world.send('POST', `${DEPLOYMENT}/cancel`)
  assert.equal(await stateOf(world, 'first'), 'Canceled')
  assert.equal(await stateOf(world, 'other'), 'Running')
})

test('after a crash, cancelling leaves alone a deployment that somebody else began under the name of a nested one', async t => {
  const { world, slow } = await start(t)
  await world.send('PUT', DEPLOYMENT, wish([nested('other', [thing('slow')])]))
  await slow.begun(1)
  await world.operations.stop(1000)
  const other = `/subscriptions/${SUBSCRIPTION}/${DEPLOYMENT.replace('first', 'other')}`.toLowerCase()
  await world.arm.resources.change(other, document => ({
    ...document,
    properties: { ...document.properties, correlationId: '99999999-9999-4999-8999-999999999999' },
  }))
  await world.operations.start()
  await slow.begun(2)
  await world.send('POST', `${DEPLOYMENT}/cancel`)
  assert.equal(await stateOf(world, 'first'), 'Canceled')
  assert.equal(await stateOf(world, 'other'), 'Running')
})

test('a deployment goes on after the process stopped in the middle, and leaves alone what was made', async t => {
  const { world, slow } = await start(t)
  const outputs = { state: { type: 'string', value: "[reference('later').provisioningState]" } }
  await world.send(
    'PUT',
    DEPLOYMENT,
    wish([thing('quick'), thing('slow', { dependsOn: ['quick'] }), thing('later', { dependsOn: ['slow'] })], {
      outputs,
    }),
  )
  await slow.begun(2)
  await world.operations.stop(1000)
  assert.equal((await world.send('GET', DEPLOYMENT)).body.properties.provisioningState, 'Running')
  await world.operations.start()
  slow.finish()
  const properties = await settled(world)
  assert.equal(properties.provisioningState, 'Succeeded')
  assert.equal(properties.outputs.state.value, 'Succeeded')
  // `slow` began, was resumed, and was asked for again, as nobody could know how the first request had ended.
  assert.deepEqual(slow.made, ['quick', 'slow', 'slow', 'slow', 'later'])
})

test('a default is worked out once: what is made has the value that the deployment shows', async t => {
  const { world, slow } = await start(t)
  slow.finish()
  const parameters = { unique: { type: 'string', defaultValue: '[newGuid()]' } }
  const outputs = { unique: { type: 'string', value: "[parameters('unique')]" } }
  await world.complete('PUT', DEPLOYMENT, wish([thing("[parameters('unique')]")], { parameters, outputs }))
  const shown = await settled(world)
  const { value } = shown.parameters.unique
  assert.deepEqual([shown.outputs.unique.value, ...slow.made], [value, value])
})

test('deleting a group cancels what is being deployed into it', async t => {
  const { world, slow } = await start(t)
  await world.send('PUT', DEPLOYMENT, wish([thing('slow'), thing('later', { dependsOn: ['slow'] })]))
  await slow.begun(1)
  assert.equal((await world.complete('DELETE', 'resourceGroups/rg')).status, 204)
  assert.equal((await world.send('HEAD', 'resourceGroups/rg')).status, 404)
  assert.deepEqual(slow.made, ['slow'])
})

test('deployments can not be nested without end', async t => {
  const { world } = await start(t)
  const template = {
    $schema: 'x',
    contentVersion: '1.0.0.0',
    resources: [
      {
        type: 'Microsoft.Resources/deployments',
        apiVersion: '2022-09-01',
        name: "[concat(deployment().name, 'x')]",
        properties: {
          mode: 'Incremental',
          expressionEvaluationOptions: { scope: 'inner' },
          template: '[deployment().properties.template]',
        },
      },
    ],
  }
  const literal = await world.complete('PUT', DEPLOYMENT, { properties: { mode: 'Incremental', template } })
  assert.equal(literal.body.error.code, 'DeploymentFailed')
  ;(
    template.resources[0] as { properties: { expressionEvaluationOptions?: object } }
  ).properties.expressionEvaluationOptions = {}
  const endless = await world.complete('PUT', DEPLOYMENT, { properties: { mode: 'Incremental', template } })
  assert.match(JSON.stringify(endless.body), /NestedDeploymentLimitExceeded/)
  const foreseen = await world.send('POST', `${DEPLOYMENT}/whatIf`, { properties: { mode: 'Incremental', template } })
  assert.match(JSON.stringify(foreseen.body), /nested deeper than the limit of 8 levels/)
})

test('a scope remembers 800 deployments; the oldest make room', async t => {
  const { world } = await start(t)
  await world.complete('PUT', DEPLOYMENT, wish([]))
  const first = await world.arm.resources.find(`/subscriptions/${SUBSCRIPTION}/${DEPLOYMENT}`.toLowerCase())
  assert.ok(first)
  await world.arm.transact(async transaction => {
    for (let index = 1; index < 800; index++) {
      const id = first.id.replace(/first$/, `d${index}`)
      const properties = { ...first.properties, timestamp: `2027-01-01T00:00:00.${String(index).padStart(3, '0')}Z` }
      await world.arm.resources.insert(transaction, {
        ...first,
        id,
        key: id.toLowerCase(),
        name: `d${index}`,
        uid: id,
        properties,
      })
    }
  })
  assert.equal((await world.complete('PUT', DEPLOYMENT.replace('first', 'last'), wish([]))).status, 200)
  assert.equal((await world.send('HEAD', DEPLOYMENT)).status, 404)
  assert.equal((await world.send('HEAD', DEPLOYMENT.replace('first', 'd1'))).status, 204)
  const { body } = await world.send('GET', 'resourceGroups/rg/providers/Microsoft.Resources/deployments')
  assert.equal(body.value.length, 800)
})

test('the value of a secure parameter is in no answer and in no file', async t => {
  const server = await startTestServer()
  t.after(() => server.stop())
  const base = `/subscriptions/${server.admin.subscriptionId}/resourceGroups/rg`
  const at = (path: string) => `${base}${path}?api-version=2024-11-01`
  await server.fetch('PUT', at(''), { body: JSON.stringify({ location: 'eastus' }) })
  const secret = 'correct-horse-battery'
  const resource = { type: 'Microsoft.Compute/galleries', apiVersion: '2024-03-03', location: 'eastus' }
  const template = {
    $schema: 'x',
    contentVersion: '1.0.0.0',
    parameters: { word: { type: 'securestring' }, box: { type: 'secureObject' } },
    resources: [
      { ...resource, name: 'fine' },
      { ...resource, name: 'bad', properties: { description: "[createArray(parameters('word'), parameters('box'))]" } },
    ],
    outputs: { out: { type: 'securestring', value: "[parameters('word')]" } },
  }
  const parameters = { word: { value: secret }, box: { value: { inner: secret } } }
  const body = JSON.stringify({ properties: { mode: 'Incremental', parameters, template } })
  const answers: string[] = []
  const ask = async (method: string, path: string, sent?: string) => {
    const answer = await server.fetch(method, at(path), sent === undefined ? {} : { body: sent })
    answers.push(answer.text)
    return answer
  }
  const deployment = '/providers/Microsoft.Resources/deployments/first'
  for (const action of ['/validate', '/whatIf'])
    assert.equal((await ask('POST', deployment + action, body)).status, 200)
  const begun = await ask('PUT', deployment, body)
  const poll = new URL(begun.headers['azure-asyncoperation'] ?? '')
  let polled = await server.fetch('GET', poll.pathname + poll.search)
  while (polled.json.status === 'InProgress') polled = await server.fetch('GET', poll.pathname + poll.search)
  answers.push(polled.text)
  assert.equal(polled.json.status, 'Failed')
  for (const path of [deployment, `${deployment}/operations`, '/providers/Microsoft.Resources/deployments'])
    await ask('GET', path)
  await ask('POST', `${deployment}/exportTemplate`)
  assert.match(answers.join(), /\*\*\*\*\*\*\*/)
  assert.ok(!answers.join().includes(secret))
  const files = (await fs.readdir(server.dataFolder, { recursive: true, withFileTypes: true })).filter(file =>
    file.isFile(),
  )
  assert.ok(files.some(({ name }) => name.startsWith('metadata.sqlite')))
  for (const file of files) {
    const bytes = await fs.readFile(path.join(file.parentPath, file.name))
    assert.ok(!bytes.includes(secret), file.name)
  }
})
