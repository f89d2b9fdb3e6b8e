// npm run docs:errors: writes docs/errors.md from the error tables in the code.
import { writeFileSync } from 'node:fs'
import { errorsPage, errorTables } from '../test/error-tables.ts'

writeFileSync('docs/errors.md', errorsPage(await errorTables()))
