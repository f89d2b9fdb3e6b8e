import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loggedIn, needsAz, refused } from './az.ts'
import { startServer } from './running-server.ts'

test('az asks Resource Graph', needsAz, async t => {
  const server = await startServer(t)
  const az = await loggedIn(server)
  const { subscriptionId } = server.admin
  const url = `${server.url}/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01`
  const ask = (query: string, options: object = {}, more: object = {}) => {
    const body = JSON.stringify({
      subscriptions: [subscriptionId],
      query,
      options: { $top: 100, $skip: 0, ...options },
      ...more,
    })
    return az`rest --method post --url ${url} --body ${body}`
  }
  await az`group create -n graph -l eastus --tags team=images`
  await az`sig create -g graph -r first --tags env=prod`
  await az`sig create -g graph -r second -l westeurope --tags env=test`
  await az`disk create -g graph -n data --size-gb 4`

  await t.test('everything that was made is there at once', async () => {
    const { totalRecords, data } = await ask(
      'Resources | project name, type, location, env = tags.env | order by name asc',
    )
    assert.equal(totalRecords, 3)
    assert.deepEqual(data, [
      { name: 'data', type: 'microsoft.compute/disks', location: 'eastus', env: null },
      { name: 'first', type: 'microsoft.compute/galleries', location: 'eastus', env: 'prod' },
      { name: 'second', type: 'microsoft.compute/galleries', location: 'westeurope', env: 'test' },
    ])
  })

  await t.test('groups, joins and sums over what az made', async () => {
    const sizes = await ask(
      "where type =~ 'Microsoft.Compute/disks' | summarize GB = sum(toint(properties.diskSizeGB)), n = count() by resourceGroup",
    )
    assert.deepEqual(sizes.data, [{ resourceGroup: 'graph', GB: 4, n: 1 }])
    const joined = await ask(
      "Resources | where name == 'data' | join kind=leftouter (ResourceContainers | where type endswith '/resourcegroups' | project resourceGroup, team = tags.team) on resourceGroup | project name, team",
    )
    assert.deepEqual(joined.data, [{ name: 'data', team: 'images' }])
  })

  await t.test('pages as the graph extension reads them', async () => {
    const query = "Resources | where type == 'microsoft.compute/galleries' | project id, name | order by name asc"
    const first = await ask(query, { $top: 1 })
    assert.deepEqual([first.count, first.totalRecords, first.resultTruncated], [1, 2, 'false'])
    const next = await ask(query, { $top: 1, $skipToken: first.$skipToken })
    assert.deepEqual([next.data[0].name, next.$skipToken], ['second', undefined])
  })

  await t.test('a wrong query says what is wrong', async () => {
    await refused(ask('Resources | where'), /ParserFailure/)
    await refused(ask('Resources | project nothing'), /InvalidColumnNames/)
  })
})
