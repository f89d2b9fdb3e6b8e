import { ArmError, row } from '#arm/arm-error.ts'
import type { OperationError } from '#operations/operations.ts'
import { ExpressionFault, type TemplateFault } from '#templates/template-fault.ts'

/** The refusals of deployments. */
export const deploymentError = {
  invalidTemplate: row(
    400,
    'InvalidTemplate',
    'a template, or a parameter of it, that is wrong',
    (reason: string) => reason,
  ),
  notFound: row(
    404,
    'DeploymentNotFound',
    'a deployment that is not there',
    (name: string) => `Deployment '${name}' could not be found.`,
  ),
  nameTooLong: row(
    400,
    'DeploymentNameLengthLimitExceeded',
    'a name of more than 64 characters',
    (name: string) =>
      `The provided deployment name '${name.slice(0, 100)}' has a length of '${name.length}' which exceeds the maximum length of '64'.`,
  ),
  invalidName: row(
    400,
    'InvalidDeploymentName',
    'a name with characters that can not be in one',
    (name: string) =>
      `The provided deployment name '${name.slice(0, 100)}' is not valid: it can have letters, digits, periods, underscores, hyphens and parentheses.`,
  ),
  active: row(
    409,
    'DeploymentActive',
    'a deployment of the same name while one is running',
    (name: string, scope: string) =>
      `Unable to edit or replace deployment '${name}': previous deployment from '${scope}' is still active. Please see https://aka.ms/arm-deploy for usage details.`,
  ),
  cannotDelete: row(
    409,
    'DeploymentActive',
    'a delete of a running deployment',
    (name: string) => `The deployment '${name}' is still active and can't be deleted. Cancel it first.`,
  ),
  cannotCancel: row(
    409,
    'DeploymentCannotBeCancelled',
    'a cancel of a deployment that is not running',
    (name: string, state: string) => `The deployment '${name}' can't be cancelled: it is in state '${state}'.`,
  ),
  wrongScope: row(
    400,
    'InvalidDeploymentScope',
    'a deployment at something other than a group, a subscription or the tenant',
    (scope: string) =>
      `A deployment can be made at a resource group, a subscription or the tenant, not at '${scope.slice(0, 300)}'.`,
  ),
  locationMissing: row(
    400,
    'LocationRequired',
    'a deployment at a subscription or the tenant without location',
    (name: string) =>
      `The 'location' property must be specified for '${name}'. Please see https://aka.ms/arm-deployment-subscription for usage details.`,
  ),
  locationNotAllowed: row(
    400,
    'InvalidDeployment',
    'a deployment at a group with a location',
    (name: string) =>
      `The 'location' property is not allowed for '${name}' at resource group scope. Please see https://aka.ms/arm-deployment-subscription for usage details.`,
  ),
  otherLocation: row(
    409,
    'InvalidDeploymentLocation',
    'a deployment whose name has another location',
    (name: string, wanted: string, existing: string) =>
      `Invalid deployment location '${wanted}'. The deployment '${name}' already exists in location '${existing}'.`,
  ),
  completeNotHere: row(
    400,
    'InvalidDeploymentMode',
    'mode Complete elsewhere than at a resource group',
    () => "The deployment mode 'Complete' is supported at the scope of a resource group only.",
  ),
  notSpecified: row(
    400,
    'InvalidRequestContent',
    'a deployment without template',
    () => "The request content is not valid: either 'template' or 'templateLink' must be specified.",
  ),
  tooDeep: row(
    400,
    'NestedDeploymentLimitExceeded',
    'deployments within deployments beyond the limit',
    (limit: number) => `Deployments are nested deeper than the limit of ${limit} levels.`,
  ),
  tooMany: row(
    400,
    'WhatIfLimitExceeded',
    'a what-if of more resources than can be looked at',
    (limit: number) => `The deployment and those nested in it have more than '${limit}' resources.`,
  ),
  noTemplateOfItsOwn: row(
    409,
    'TemplateNotAvailable',
    'an export of a nested deployment whose template was evaluated by the outer one',
    (name: string) =>
      `The template of '${name}' was evaluated by the deployment that it is nested in. Export the template of that one.`,
  ),
  missingApiVersion: row(
    400,
    'InvalidTemplate',
    'a reference to a resource outside of the template without api-version',
    (id: string) =>
      `Unable to process template language expressions: The resource '${id.slice(0, 500)}' is not defined in the template, so that reference() needs an api-version. Please see https://aka.ms/arm-function-reference for usage details.`,
  ),
} as const

/** What is wrong with a template, in Azure's frame for it. */
export const ofTemplate = (fault: TemplateFault): ArmError =>
  deploymentError.invalidTemplate(
    fault instanceof ExpressionFault ? fault.message : `Deployment template validation failed: '${fault.message}'.`,
  )

/** A template that would be refused by those who serve its resources. */
export const invalidDeployment = (name: string, trackingId: string, details: readonly OperationError[]): ArmError =>
  new ArmError(
    400,
    'InvalidTemplateDeployment',
    `The template deployment '${name}' is not valid according to the validation procedure. The tracking id is '${trackingId}'. See inner errors for details.`,
    { details },
  )

/** A deployment of which something failed. */
export const deploymentFailed = (id: string, details: readonly OperationError[]): ArmError =>
  new ArmError(
    409,
    'DeploymentFailed',
    'At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.',
    { target: id, details },
  )

/** All resources are there, but what the template is to tell of them can't be worked out. */
export const outputsFailed = (id: string, details: readonly OperationError[]): ArmError =>
  new ArmError(
    409,
    'DeploymentOutputEvaluationFailed',
    'Unable to evaluate template outputs. Please see error details and deployment operations. Please see https://aka.ms/arm-common-errors for usage details.',
    { target: id, details },
  )
