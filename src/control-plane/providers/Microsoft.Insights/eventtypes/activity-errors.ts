import { row } from '#arm/arm-error.ts'

/** Refusals of the activity log. */
export const activityError = {
  noStart: row(
    400,
    'BadRequest',
    'the activity log without a $filter, or with one that does not say from when on',
    () =>
      "The $filter must say from when on events are wanted: eventTimestamp ge '2026-01-31T00:00:00Z'. The fields resourceGroupName, resourceUri, resourceProvider, correlationId, caller, status and eventChannels can be added with 'and'.",
  ),
  badTerm: row(
    400,
    'BadRequest',
    'a part of the $filter of the activity log that it does not know, or twice',
    (term: string) =>
      `The $filter can not have '${term}'. There are eventTimestamp ge and le, and resourceGroupName, resourceUri, resourceProvider, correlationId, caller, status and eventChannels with eq, joined by 'and'.`,
  ),
  badSelect: row(
    400,
    'BadRequest',
    'a $select of the activity log that names no property of an event',
    (name: string) => `The property '${name}' in $select is no property of an event.`,
  ),
  badSkipToken: row(400, 'BadRequest', 'a $skipToken that came from no nextLink', () => 'The $skipToken is not valid.'),
} as const
