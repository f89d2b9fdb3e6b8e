import assert from 'node:assert/strict'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import {
  SUBSCRIPTION,
  startTestArm,
  type TestAnswer,
  type TestArm,
  type TestArmOptions,
} from '../../../../test/support/test-arm.ts'

export const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`
export const NETWORK = `${GROUP}/providers/Microsoft.Network`
export const VNET = `${NETWORK}/virtualNetworks/vnet`
export const SUBNET = `${VNET}/subnets/default`

type Method = 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'

export interface TestNetwork extends TestArm {
  /** A request that must succeed; its body. */
  done(method: Method, path: string, body?: Json): Promise<TestAnswer['body']>
  /** A request that must be refused: `400 NicInUse: sentence`. */
  refused(method: Method, path: string, body?: Json): Promise<string>
}

/** A control plane with a virtual network, 10.0.0.0/16, and in it the subnet `default`, 10.0.0.0/24. */
export const startTestNetwork = async (options: TestArmOptions = {}): Promise<TestNetwork> => {
  const arm = await startTestArm(options)
  const answer = (method: Method, path: string, body?: Json) => arm.complete(method, path, body)
  const stage: TestNetwork = {
    ...arm,
    async done(method, path, body) {
      const { status, body: answered } = await answer(method, path, body)
      assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(answered)}`)
      return answered
    },
    async refused(method, path, body) {
      const { status, body: answered } = await answer(method, path, body)
      assert.ok(status >= 400, `${method} ${path}: ${status} ${JSON.stringify(answered)}`)
      return `${status} ${answered.error.code}: ${answered.error.message}`
    },
  }
  await stage.done('PUT', GROUP, { location: 'eastus' })
  await stage.done('PUT', VNET, network([subnet('default', '10.0.0.0/24')]))
  return stage
}

export const network = (subnets: JsonObject[], addressPrefixes = ['10.0.0.0/16']) => ({
  location: 'eastus',
  properties: { addressSpace: { addressPrefixes }, subnets },
})

export const subnet = (name: string, addressPrefix: string, more: JsonObject = {}) => ({
  name,
  properties: { addressPrefix, ...more },
})

/** The body of a network interface with one configuration. */
export const nic = (configuration: JsonObject = {}, more: JsonObject = {}) => ({
  location: 'eastus',
  properties: {
    ipConfigurations: [{ name: 'ipconfig1', properties: { subnet: { id: SUBNET }, ...configuration } }],
    ...more,
  },
})
