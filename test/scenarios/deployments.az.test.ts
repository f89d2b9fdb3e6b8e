import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { loggedIn, needsAz, refused } from './az.ts'
import { startServer } from './running-server.ts'

/** As people write templates: with comments, which are no JSON. */
const TEMPLATE = `{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  // what the user chooses
  "parameters": {
    "prefix": { "type": "string", "minLength": 2, "metadata": { "description": "Begins all names" } },
    "count": { "type": "int", "defaultValue": 2, "allowedValues": [1, 2, 3] },
    "password": { "type": "securestring", "defaultValue": "not to be told" }
  },
  "variables": {
    /* one gallery,
       several images */
    "gallery": "[concat(parameters('prefix'), '_gallery')]"
  },
  "resources": [
    {
      "type": "Microsoft.Compute/galleries", "apiVersion": "2024-03-03", "name": "[variables('gallery')]",
      "location": "[resourceGroup().location]", "tags": { "made": "by a template" }
    },
    {
      "type": "Microsoft.Compute/galleries/images", "apiVersion": "2024-03-03",
      "name": "[format('{0}/image{1}', variables('gallery'), copyIndex(1))]",
      "location": "[resourceGroup().location]",
      "copy": { "name": "images", "count": "[parameters('count')]" },
      "dependsOn": ["[resourceId('Microsoft.Compute/galleries', variables('gallery'))]"],
      "properties": {
        "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
        "identifier": { "publisher": "us", "offer": "linux", "sku": "[string(copyIndex())]" }
      }
    },
    {
      "type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-05-01",
      "name": "[concat(parameters('prefix'), uniqueString(resourceGroup().id))]",
      "location": "[resourceGroup().location]", "kind": "StorageV2", "sku": { "name": "Standard_LRS" }, "properties": {}
    }
  ],
  "outputs": {
    "gallery": { "type": "string", "value": "[resourceId('Microsoft.Compute/galleries', variables('gallery'))]" },
    "unique": { "type": "string", "value": "[reference(variables('gallery')).identifier.uniqueName]" },
    "keys": { "type": "int", "value": "[length(listKeys(concat(parameters('prefix'), uniqueString(resourceGroup().id)), '2023-05-01').keys)]" },
    "images": { "type": "array", "copy": { "count": "[parameters('count')]", "input": "[concat('image', copyIndex(1))]" } }
  }
}`

const GROUP_TEMPLATE = JSON.stringify({
  $schema: 'https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  languageVersion: '2.0',
  parameters: { group: { type: 'string' } },
  resources: {
    home: {
      type: 'Microsoft.Resources/resourceGroups',
      apiVersion: '2022-09-01',
      name: "[parameters('group')]",
      location: '[deployment().location]',
    },
    within: {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2022-09-01',
      name: 'within',
      resourceGroup: "[parameters('group')]",
      dependsOn: ['home'],
      properties: {
        mode: 'Incremental',
        expressionEvaluationOptions: { scope: 'inner' },
        template: {
          $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
          contentVersion: '1.0.0.0',
          resources: [
            {
              type: 'Microsoft.Compute/galleries',
              apiVersion: '2024-03-03',
              name: 'nested',
              location: '[resourceGroup().location]',
            },
          ],
          outputs: { id: { type: 'string', value: "[resourceId('Microsoft.Compute/galleries', 'nested')]" } },
        },
      },
    },
  },
  outputs: { id: { type: 'string', value: "[reference('within').outputs.id.value]" } },
})

test('az deployment: templates from validation to deletion', needsAz, async t => {
  const server = await startServer(t)
  const az = await loggedIn(server)
  const template = path.join(server.folder, 'template.json')
  await fs.writeFile(template, TEMPLATE)
  await az`group create -n rg -l eastus`

  await t.test('a template is validated, and tells what is wrong', async () => {
    const validated = await az`deployment group validate -g rg --template-file ${template} --parameters prefix=og`
    assert.equal(validated.properties.provisioningState, 'Succeeded')
    assert.equal(validated.properties.validatedResources.length, 4)
    const wrong = az`deployment group validate -g rg --template-file ${template} --parameters prefix=og count=9`
    await refused(wrong, /InvalidTemplate[\s\S]*not part of the allowed value\(s\): '1,2,3'/)
  })

  await t.test('what-if foresees it', async () => {
    const foreseen =
      await az`deployment group what-if -g rg --no-pretty-print --template-file ${template} --parameters prefix=og`
    const kinds = foreseen.changes.map(({ changeType }: { changeType: string }) => changeType)
    assert.deepEqual(kinds, ['Create', 'Create', 'Create', 'Create'])
    const pretty = await az`deployment group what-if -g rg -o table --template-file ${template} --parameters prefix=og`
    assert.match(pretty, /Resource changes: 4 to create/)
  })

  await t.test('it is carried out', async () => {
    const made = await az`deployment group create -g rg -n first --template-file ${template} --parameters prefix=og`
    const { provisioningState, outputs, outputResources, parameters } = made.properties
    assert.equal(provisioningState, 'Succeeded')
    assert.match(outputs.gallery.value, /galleries\/og_gallery$/)
    assert.match(outputs.unique.value, /OG_GALLERY/)
    assert.equal(outputs.keys.value, 2)
    assert.deepEqual(outputs.images.value, ['image1', 'image2'])
    assert.equal(outputResources.length, 4)
    assert.deepEqual(parameters.password, { type: 'SecureString' })
    const images = await az`sig image-definition list -g rg -r og_gallery`
    assert.deepEqual(
      images.map(({ name }: { name: string }) => name),
      ['image1', 'image2'],
    )
    const gallery = await az`sig show -g rg -r og_gallery`
    assert.deepEqual(gallery.tags, { made: 'by a template' })
  })

  await t.test('it is shown, listed, exported, and its operations are', async () => {
    assert.equal((await az`deployment group show -g rg -n first`).name, 'first')
    assert.deepEqual(
      (await az`deployment group list -g rg`).map(({ name }: { name: string }) => name),
      ['first'],
    )
    const operations = await az`deployment operation group list -g rg -n first`
    assert.equal(operations.length, 5)
    const exported = await az`deployment group export -g rg -n first`
    assert.equal(exported.parameters.count.defaultValue, 2)
    const group = await az`group export -n rg --include-parameter-default-value`
    assert.equal(group.parameters.galleries_og_gallery_name.defaultValue, 'og_gallery')
    assert.equal(group.resources.length, 4)
  })

  await t.test('what changes is foreseen and done; mode Complete deletes the rest', async () => {
    await az`sig create -g rg -r other -l eastus`
    const args = ['og', 'count=1']
    const foreseen =
      await az`deployment group what-if -g rg --mode Complete --no-pretty-print --template-file ${template} --parameters prefix=${args[0]} ${args[1]}`
    const kinds = Object.fromEntries(
      foreseen.changes.map((change: { resourceId: string; changeType: string }) => [
        change.resourceId.split('/').at(-1),
        change.changeType,
      ]),
    )
    assert.equal(kinds.other, 'Delete')
    assert.equal(kinds.image2, 'Delete')
    assert.equal(kinds.image1, 'NoChange')
    assert.equal(kinds.og_gallery, 'NoChange')
    await az`deployment group create -g rg -n second --mode Complete --template-file ${template} --parameters prefix=${args[0]} ${args[1]}`
    const galleries = await az`sig list -g rg`
    assert.deepEqual(
      galleries.map(({ name }: { name: string }) => name),
      ['og_gallery'],
    )
  })

  await t.test('a failure says why', async () => {
    const broken = path.join(server.folder, 'broken.json')
    const resource = {
      type: 'Microsoft.Compute/galleries',
      apiVersion: '2024-03-03',
      name: 'no good',
      location: 'eastus',
    }
    await fs.writeFile(broken, JSON.stringify({ ...JSON.parse(GROUP_TEMPLATE), resources: { resource }, outputs: {} }))
    const failing = az`deployment group create -g rg -n third --template-file ${broken} --parameters group=x`
    await refused(failing, /DeploymentFailed[\s\S]*(no good|invalid)/)
    assert.equal((await az`deployment group show -g rg -n third`).properties.provisioningState, 'Failed')
  })

  await t.test('a subscription gets a group and what lies in it', async () => {
    const file = path.join(server.folder, 'group.json')
    await fs.writeFile(file, GROUP_TEMPLATE)
    const made = await az`deployment sub create -n top -l westus2 --template-file ${file} --parameters group=fresh`
    assert.match(made.properties.outputs.id.value, /resourceGroups\/fresh\/.*\/nested$/)
    assert.equal((await az`sig show -g fresh -r nested`).location, 'westus2')
    assert.equal((await az`deployment sub show -n top`).location, 'westus2')
    assert.ok((await az`deployment operation sub list -n top`).length >= 2)
    await az`deployment sub delete -n top`
    await refused(az`deployment sub show -n top`, /DeploymentNotFound/)
  })

  await t.test('a deployment is deleted, what it made stays', async () => {
    await az`deployment group delete -g rg -n first`
    await refused(az`deployment group show -g rg -n first`, /DeploymentNotFound/)
    assert.equal((await az`sig show -g rg -r og_gallery`).name, 'og_gallery')
    await az`group delete -n rg --yes`
    assert.equal(await az`group exists -n rg`, false)
  })
})
