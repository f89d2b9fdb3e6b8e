/** The gallery api-versions of Azure, newest first. */
export const galleryApiVersions = [
  '2026-03-03',
  '2025-12-03',
  '2025-03-03',
  '2024-03-03',
  '2023-07-03',
  '2022-08-03',
  '2022-03-03',
  '2022-01-03',
  '2021-10-01',
  '2021-07-01',
  '2021-03-01',
  '2020-09-30',
  '2019-12-01',
  '2019-07-01',
  '2019-03-01',
  '2018-06-01',
] as const

/** Whether a request's api-version is this one or a later one: some of Azure's defaults and refusals depend on it. */
export const isSince = (apiVersion: string, first: (typeof galleryApiVersions)[number]): boolean =>
  apiVersion.slice(0, 10) >= first
