import { armError } from '#arm/arm-error.ts'
import { galleryError } from './gallery-errors.ts'

/** The rule that the names of galleries and image definitions share. */
export const requireName = (name: string, what: string): void => {
  const trailing = /[-._]+$/.exec(name)?.[0]
  if (trailing !== undefined) throw armError.invalidResourceName(name.slice(0, 100), trailing, '-._')
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/.test(name)) throw galleryError.nameInvalid(what)
}
