import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { shellWord } from './shell-word.ts'

test('a word is quoted where a shell would take it for something else', { skip: process.platform === 'win32' }, () => {
  assert.equal(shellWord('/srv/gallery-1'), '/srv/gallery-1')
  for (const text of ['', 'my data', "it's", '$HOME', 'a;b', '*', 'a"b`c\\d'])
    assert.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' }), text)
})
