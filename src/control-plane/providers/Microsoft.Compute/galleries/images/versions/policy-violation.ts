import type { ResourceDocument } from '#resources/resource-document.ts'
import { type PolicyViolation, versionProperties } from './version-properties.ts'

/** Whether the version is reported: nothing new is made of it, and readers of others' galleries do not see it. */
export const isReported = (version: ResourceDocument): boolean =>
  versionProperties(version).safetyProfile.reportedForPolicyViolation

export const violationsOf = (version: ResourceDocument): readonly PolicyViolation[] =>
  versionProperties(version).safetyProfile.policyViolations ?? []

/** The version with what is held against it from now on; without anything it is free again. */
export const withViolations = (version: ResourceDocument, violations: readonly PolicyViolation[]): ResourceDocument => {
  const { policyViolations: _, ...safety } = versionProperties(version).safetyProfile
  const safetyProfile = {
    ...safety,
    reportedForPolicyViolation: violations.length > 0,
    ...(violations.length > 0 ? { policyViolations: violations.map(one => ({ ...one })) } : {}),
  }
  return { ...version, properties: { ...version.properties, safetyProfile } }
}
