import type { FastifyInstance } from 'fastify'
import { armError } from '#arm/arm-error.ts'
import type { Arm } from '#arm/resource-type.ts'
import type { Log } from '#foundation/log.ts'
import {
  type PolicyViolation,
  violationCategories,
} from '#providers/Microsoft.Compute/galleries/images/versions/version-properties.ts'
import {
  reports,
  reportVersion,
  withdrawReports,
} from '#providers/Microsoft.Compute/galleries/sharing/report-version.ts'
import type { Given } from './stored-version.ts'

interface ImageQuery {
  Querystring: { readonly image?: Given }
}

const MOST_DETAILS = 1000

/**
 * `/opengallery/community/...`: what the operator of an installation has against versions. `image` is the name by which the community
 * knows a version, or its resource id.
 */
export const communityRoutes = (app: FastifyInstance, { arm, log }: { readonly arm: Arm; readonly log: Log }): void => {
  app.get('/opengallery/community/reports', async () => ({ value: await reports(arm) }))
  app.post<ImageQuery>('/opengallery/community/report', async ({ query, body }) => {
    const report = await reportVersion(imageOf(query.image), violationOf(body), arm)
    log.warn('An image version was reported for a policy violation.', { ...report })
    return report
  })
  app.post<ImageQuery>('/opengallery/community/withdraw', async ({ query }) => {
    const report = await withdrawReports(imageOf(query.image), arm)
    log.info('The reports of an image version were taken back.', { version: report.id })
    return report
  })
}

const imageOf = (given: Given): string => {
  if (typeof given === 'string' && given !== '') return given
  throw armError.invalidQueryParameter('image', String(given ?? '').slice(0, 100))
}

const jsonOf = (body: unknown): { readonly category?: unknown; readonly details?: unknown } => {
  try {
    const value = JSON.parse(Buffer.isBuffer(body) ? body.toString() : '') as unknown
    if (typeof value === 'object' && value !== null) return value
  } catch {}
  throw armError.invalidRequestContent('the body must be a JSON object')
}

const violationOf = (body: unknown): PolicyViolation => {
  const { category, details } = jsonOf(body)
  const known = violationCategories.find(one => one.toLowerCase() === String(category).toLowerCase())
  if (!known)
    throw armError.invalidValue(
      'category',
      String(category).slice(0, 100),
      `Allowed values are: ${violationCategories.join(', ')}.`,
    )
  if (details === undefined) return { category: known }
  if (typeof details !== 'string' || details.length > MOST_DETAILS)
    throw armError.invalidValue('details', String(details).slice(0, 100), `Up to ${MOST_DETAILS} characters are kept.`)
  return { category: known, details }
}
