import type { ResourceType } from '#arm/resource-type.ts'

/** The tenants of this installation that a caller belongs to: its own. */
export const tenantsType = (
  tenants: () => Promise<readonly { tenantId: string; displayName: string; domains: readonly string[] }[]>,
): ResourceType => ({
  type: 'Microsoft.Resources/tenants',
  apiVersions: ['2022-12-01', '2020-01-01', '2019-11-01', '2016-06-01'],
  tracked: false,
  openTo: 'tenant',
  computed: {
    async list(_parent, request) {
      const own = (await tenants()).filter(tenant => tenant.tenantId === request.caller.tenantId)
      return own.map(tenant => ({
        id: `/tenants/${tenant.tenantId}`,
        tenantId: tenant.tenantId,
        displayName: tenant.displayName,
        tenantCategory: 'Home',
        defaultDomain: tenant.domains[0] ?? '',
        domains: tenant.domains,
      }))
    },
  },
})
