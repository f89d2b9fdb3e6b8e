import { Type } from 'typebox'
import { armId, count, flag, hyperVGenerations, oneOf, osTypes, shown, signedUri, text } from '../disk-schema.ts'

const caching = oneOf(['None', 'ReadOnly', 'ReadWrite'])

const imageDisk = {
  snapshot: Type.Optional(Type.Object({ id: armId() })),
  managedDisk: Type.Optional(Type.Object({ id: armId() })),
  blobUri: signedUri(),
  caching,
  diskSizeGB: count(1, 32_767),
  storageAccountType: oneOf([
    'Standard_LRS',
    'Premium_LRS',
    'StandardSSD_LRS',
    'UltraSSD_LRS',
    'Premium_ZRS',
    'StandardSSD_ZRS',
    'PremiumV2_LRS',
  ]),
  diskEncryptionSet: Type.Optional(Type.Object({ id: armId() })),
}

export const imageSchema = Type.Object({
  extendedLocation: Type.Optional(Type.Object({ name: text(), type: text() }, { keep: true })),
  properties: Type.Object({
    sourceVirtualMachine: Type.Optional(Type.Object({ id: armId() }, { immutable: true })),
    storageProfile: Type.Optional(
      Type.Object({
        osDisk: Type.Optional(
          Type.Object(
            { osType: Type.Enum([...osTypes]), osState: Type.Enum(['Generalized', 'Specialized']), ...imageDisk },
            { immutable: true },
          ),
        ),
        // Immutable too, but by lun: `keepDataDisks` compares them.
        dataDisks: Type.Optional(
          Type.Array(Type.Object({ lun: Type.Integer({ minimum: 0, maximum: 63 }), ...imageDisk }), {
            maxItems: 64,
            keep: true,
          }),
        ),
        zoneResilient: flag({ immutable: true, default: false }),
      }),
    ),
    hyperVGeneration: oneOf(hyperVGenerations, { immutable: true, default: 'V1' }),
    provisioningState: shown(),
  }),
})
