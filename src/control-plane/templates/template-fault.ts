/** The template, or a value given to it, is wrong: told to its author in Azure's words. */
export class TemplateFault extends Error {
  override readonly name: string = 'TemplateFault'
}

/** A limit on what evaluating a template may cost was reached. */
export class TemplateTooCostly extends TemplateFault {
  override readonly name = 'TemplateTooCostly'
}

const MORE = 'Please see https://aka.ms/arm-functions for usage details.'

/** Azure's sentences about expressions, in one place. */
export const fault = {
  /** The text is no expression. */
  syntax: (text: string, reason: string) =>
    new TemplateFault(
      `The template language expression '${text.slice(0, 200)}' is not valid: ${reason}. Please see https://aka.ms/arm-template-expressions for usage details.`,
    ),
  unknownFunction: (name: string) =>
    new TemplateFault(`The template function '${name.slice(0, 100)}' is not valid. ${MORE}`),
  notHere: (name: string) =>
    new TemplateFault(`The template function '${name}' is not expected at this location. ${MORE}`),
  notServed: (what: string) => new TemplateFault(`${what} is not available in OpenGallery. See docs/fidelity.md.`),
  count: (name: string, given: number) =>
    new TemplateFault(
      `Unable to evaluate template language function '${name}': the number of parameters '${given}' is not expected. ${MORE}`,
    ),
  type: (name: string, position: number, expected: string, given: string) =>
    new TemplateFault(
      `The template language function '${name}' expects its parameter at position '${position}' to be of type '${expected}'. The provided value is of type '${given}'. ${MORE}`,
    ),
  value: (name: string, reason: string) =>
    new TemplateFault(`Unable to evaluate template language function '${name}': ${reason} ${MORE}`),
  noProperty: (property: string, available: readonly string[]) =>
    new TemplateFault(
      `The language expression property '${property.slice(0, 200)}' doesn't exist, available properties are '${available.slice(0, 50).join(', ')}'. Please see https://aka.ms/arm-template-expressions for usage details.`,
    ),
  noIndex: (index: string) =>
    new TemplateFault(
      `The language expression property array index '${index.slice(0, 100)}' is out of bounds. Please see https://aka.ms/arm-template-expressions for usage details.`,
    ),
  notSelectable: (property: string, type: string) =>
    new TemplateFault(
      `The language expression property '${property.slice(0, 200)}' can't be evaluated: property selection is not supported on values of type '${type}'. Please see https://aka.ms/arm-template-expressions for usage details.`,
    ),
  unknownParameter: (name: string) =>
    new TemplateFault(
      `The template parameter '${name.slice(0, 200)}' is not found. Please see https://aka.ms/arm-parameters for usage details.`,
    ),
  unknownVariable: (name: string) =>
    new TemplateFault(
      `The template variable '${name.slice(0, 200)}' is not found. Please see https://aka.ms/arm-variables for usage details.`,
    ),
  circular: (what: string, name: string) =>
    new TemplateFault(`Circular dependency detected on ${what}: '${name.slice(0, 200)}'.`),
  tooCostly: (limit: string) =>
    new TemplateTooCostly(`The evaluation of the template exceeds the limit of ${limit}. Make it smaller or split it.`),
}

/** An expression could not be evaluated: the message says for which resource or output. */
export class ExpressionFault extends TemplateFault {
  override readonly name = 'ExpressionFault'
}

/** Runs `work` and says of its faults that they are of the resource or output named. */
export const within = <T>(what: string, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof TemplateFault) || error instanceof ExpressionFault) throw error
    throw new ExpressionFault(
      `Unable to process template language expressions for resource '${what.slice(0, 500)}'. '${error.message}'`,
      { cause: error },
    )
  }
}
