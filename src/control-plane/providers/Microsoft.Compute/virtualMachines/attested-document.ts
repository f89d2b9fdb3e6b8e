import type { DescribedMachine } from './instance-metadata.ts'

const validMs = 6 * 3600_000
const longestNonce = 32

/** `11/28/26 00:16:17 -0000`, as Azure writes the times of this document alone. */
const written = (at: Date) => {
  const [, year, month, day, time] = /^\d\d(\d\d)-(\d\d)-(\d\d)T([\d:]{8})/.exec(at.toISOString()) ?? []
  return `${month}/${day}/${year} ${time} -0000`
}

/** Azure's own where the guest gives none: the time, to the second. */
const nonceOf = (at: Date) => at.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15)

/**
 * What 169.254.169.254/metadata/attested/document says of a machine, before it is signed: proof for others that they talk to it. `nonce`
 * is the guest's, ten digits on Azure; one of another form is left out for ours.
 */
export const attestedDocument = (machine: DescribedMachine, nonce: string | null, now: Date): string => {
  const { properties, plan = {} } = machine
  const [, , subscriptionId = ''] = machine.id.split('/')
  return JSON.stringify({
    licenseType: properties.licenseType ?? '',
    nonce: nonce !== null && /^\d+$/.test(nonce) && nonce.length <= longestNonce ? nonce : nonceOf(now),
    plan: { name: plan.name ?? '', product: plan.product ?? '', publisher: plan.publisher ?? '' },
    sku: properties.storageProfile?.imageReference?.sku ?? '',
    subscriptionId,
    timeStamp: { createdOn: written(now), expiresOn: written(new Date(now.getTime() + validMs)) },
    vmId: properties.vmId,
  })
}
