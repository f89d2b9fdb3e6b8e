/**
 * One spelling for what two ids can mean: functions make `/subscriptions/S/providers/Microsoft.Resources/resourceGroups/G`, the
 * group itself is `/subscriptions/S/resourceGroups/G`.
 */
export const canonicalId = (id: string): string =>
  id
    .replace(
      /^(\/subscriptions\/[^/]+)\/providers\/Microsoft\.Resources\/(?:subscriptions\/)?resourceGroups\/([^/]+)/i,
      '$1/resourceGroups/$2',
    )
    .replace(/\/+$/, '')

/** Under what an id is looked up. */
export const idKey = (id: string): string => canonicalId(id).toLowerCase()
