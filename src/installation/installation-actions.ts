import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'

/**
 * What each route does, for roles and for the activity log: actions of `OpenGallery/installation` on the first subscription, which is
 * the installation's own. The many requests that one import or export is made of are one action.
 */
const actions: Readonly<Record<string, string>> = {
  '/opengallery/status': 'read',
  '/opengallery/bytes': 'read',
  '/opengallery/verify': 'verify/action',
  '/opengallery/gc': 'collectGarbage/action',
  '/opengallery/nbd': 'serveVersion/action',
  '/opengallery/activity-log': 'activityLog/read',
  '/opengallery/bundle/key': 'bundles/read',
  '/opengallery/bundle/trust': 'trustBundleKey/action',
  '/opengallery/bundle/export': 'exportBundle/action',
  '/opengallery/bundle/chunks': 'exportBundle/action',
  '/opengallery/bundle/seal': 'exportBundle/action',
  '/opengallery/bundle/import': 'importBundle/action',
  '/opengallery/bundle/import/:id': 'importBundle/action',
  'GET /opengallery/tenants': 'tenants/read',
  '/opengallery/tenants': 'manageTenants/action',
  '/opengallery/tenants/:id': 'manageTenants/action',
  '/opengallery/tenants/:id/administrators': 'manageTenants/action',
  '/opengallery/tenants/:id/domains': 'manageTenants/action',
  '/opengallery/subscriptions': 'subscriptions/read',
  '/opengallery/subscriptions/:id': 'removeSubscription/action',
  '/opengallery/signatures': 'verify/action',
  '/opengallery/image-keys': 'read',
  '/opengallery/image-keys/rotate': 'rotateImageKeys/action',
  '/opengallery/keys/rotate': 'rotateKeys/action',
  '/opengallery/community/reports': 'reports/read',
  '/opengallery/community/report': 'reportVersion/action',
  '/opengallery/community/withdraw': 'withdrawReports/action',
}

/** What concerns no tenant but the store of bytes. All else is for whoever may give roles, too: it is about everybody's images or deeds. */
const ordinary = new Set(['read', 'verify/action', 'collectGarbage/action', 'serveVersion/action'])

/** `OpenGallery/installation/verify/action`; of a route that is not there, one that only an owner has. */
export const installationAction = (method: string, route = ''): string =>
  `OpenGallery/installation/${actions[`${method} ${route}`] ?? actions[route] ?? 'unknown/action'}`

export const mayDoOnInstallation = async (
  caller: Caller,
  action: string,
  scope: ResourceId,
  arm: Arm,
): Promise<boolean> => {
  if (!(await arm.mayDo(caller, action, scope))) return false
  if (ordinary.has(action.replace(/^OpenGallery\/installation\//, ''))) return true
  return arm.mayDo(caller, 'Microsoft.Authorization/roleAssignments/write', scope)
}
