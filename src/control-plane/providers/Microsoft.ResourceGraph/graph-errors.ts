import { ArmError, type ErrorRow, row } from '#arm/arm-error.ts'
import type { KqlFault } from '#kql/kql-fault.ts'

/** A query that is wrong, with what is wrong among the details; for what can't be parsed also where. */
const invalidQuery = Object.assign(
  (fault: KqlFault): ArmError => {
    const { code, message, syntax } = fault
    const where = syntax && {
      line: syntax.line,
      characterPositionInLine: syntax.characterInLine,
      token: syntax.token,
      expectedToken: syntax.expected,
    }
    const general = {
      code: 'InvalidQuery',
      message:
        'Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.',
    }
    return new ArmError(400, 'BadRequest', `The query is invalid: ${message}`, {
      details: [general, { code, message, ...where }],
    })
  },
  { status: 400, code: 'BadRequest', when: 'a query of Resource Graph that is wrong, or costs too much' },
)

/** The refusals of Resource Graph. */
export const graphError = {
  invalidQuery,
  invalidSkipToken: row(
    400,
    'BadRequest',
    'a skip token of another query',
    () => 'The provided skip token is not valid for this query. Send it with the query that it was given for.',
    () => 'options.$skipToken',
  ),
  noAccess: row(
    403,
    'AuthorizationFailed',
    'a query of subscriptions none of which is of the tenant of the caller',
    (subscriptions: readonly string[]) =>
      `None of the subscriptions '${subscriptions.slice(0, 10).join(', ')}' can be read: they are not there, or not in your tenant.`,
    () => 'subscriptions',
  ),
  payloadTooLarge: row(
    400,
    'ResponsePayloadTooLarge',
    'more than a response may hold',
    (size: number, most: number) =>
      `Response payload size is ${size}, and has exceeded the limit of ${most}. Please consider querying less data at a time and make paginated call if needed.`,
  ),
} as const satisfies Record<string, ErrorRow<never[]>>
