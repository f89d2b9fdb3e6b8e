import assert from 'node:assert/strict'
import { test } from 'node:test'
import { releaseOf } from './debian-release.ts'

const osRelease = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'

test('a build takes what this machine’s apt has of its own release, and of nobody else', () => {
  const targets = [
    'Debian|bookworm|http://mirror.example/debian/|bookworm|main',
    'Debian|bookworm|http://mirror.example/debian/|bookworm|main',
    'Debian|bookworm-security|http://mirror.example/security/|bookworm-security|main',
    'Debian|bookworm|http://mirror.example/debian/|bookworm|non-free',
    'Debian Backports|bookworm-backports|http://mirror.example/debian/|bookworm-backports|main',
    'Debian|trixie|http://mirror.example/debian/|trixie|main',
    'Acme|bookworm|http://acme.example/|bookworm|main',
    '',
  ]
  assert.deepEqual(releaseOf(osRelease, targets.join('\n')), {
    suite: 'bookworm',
    sources: [
      'deb http://mirror.example/debian/ bookworm main',
      'deb http://mirror.example/security/ bookworm-security main',
    ],
  })
})

test('where it can’t be built, the error says what to do', () => {
  const ubuntu = 'ID=ubuntu\nVERSION_CODENAME=noble\nID_LIKE=debian\n'
  assert.throws(() => releaseOf(ubuntu, ''), { name: 'PackageMissing', message: /catalog fetch Debian12/ })
  assert.throws(() => releaseOf(osRelease, ''), { name: 'PackageMissing', message: /apt-get update/ })
})
