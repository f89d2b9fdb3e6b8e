import { azureRegion } from '#arm/azure-regions.ts'
import type { ResourceType } from '#arm/resource-type.ts'

/** The configured regions, under Azure's names. */
export const locationsType: ResourceType = {
  type: 'Microsoft.Resources/subscriptions/locations',
  apiVersions: ['2022-12-01', '2020-01-01', '2019-11-01', '2016-06-01'],
  tracked: false,
  openTo: 'subscription',
  computed: {
    async list(parent, _request, arm) {
      return arm.locations.map(location => {
        const known = azureRegion(location.name)
        return {
          id: `${parent}/locations/${location.name}`,
          name: location.name,
          type: 'Region',
          displayName: location.displayName,
          regionalDisplayName: known ? `(${known.geography}) ${location.displayName}` : location.displayName,
          metadata: {
            regionType: 'Physical',
            regionCategory: 'Recommended',
            ...(known ? { geography: known.geography, geographyGroup: known.geography } : {}),
            pairedRegion: [],
          },
        }
      })
    },
  },
}
