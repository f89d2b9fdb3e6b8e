import { Type } from 'typebox'

/** Any JSON: templates and parameters are read by the language, not by a schema. */
const anything = () => Type.Optional(Type.Unknown({ writeOnly: true }))

/** The body of a deployment, also of one that is only to be validated. */
export const deploymentSchema = Type.Object({
  location: Type.Optional(Type.String()),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  properties: Type.Object({
    template: anything(),
    templateLink: anything(),
    parameters: anything(),
    parametersLink: anything(),
    mode: Type.Union([Type.Literal('Incremental'), Type.Literal('Complete')]),
    debugSetting: anything(),
    onErrorDeployment: anything(),
    expressionEvaluationOptions: anything(),
    validationLevel: Type.Optional(
      Type.Union([Type.Literal('Provider'), Type.Literal('ProviderNoRbac'), Type.Literal('Template')], {
        writeOnly: true,
      }),
    ),
    whatIfSettings: Type.Optional(
      Type.Object(
        {
          resultFormat: Type.Optional(
            Type.Union([Type.Literal('ResourceIdOnly'), Type.Literal('FullResourcePayloads')]),
          ),
        },
        { writeOnly: true },
      ),
    ),
  }),
})
