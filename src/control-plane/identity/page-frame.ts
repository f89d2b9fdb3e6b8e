import { createHash } from 'node:crypto'

/** The only style of the pages; its hash is in their content security policy. Light and dark, no pictures, nothing fetched. */
const style = `
:root { color-scheme: light dark; --ink: #1b1a19; --paper: #faf9f8; --card: #fff; --line: #8a8886; --accent: #0f6cbd; --bad: #b10e1c }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f3f2f1; --paper: #1b1a19; --card: #292827; --line: #979593; --accent: #62abf5; --bad: #f1707b }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, 'Segoe UI', sans-serif }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border-radius: .75rem;
  box-shadow: 0 2px 16px rgb(0 0 0 / .14); overflow-wrap: anywhere }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25 }
label { display: block; margin-top: 1rem; font-weight: 600 }
input { width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: .35rem }
input[name=user_code] { font-family: ui-monospace, monospace; letter-spacing: .15em; text-transform: uppercase }
button { width: 100%; margin-top: 1.5rem; padding: .7rem; font: inherit; font-weight: 600; color: var(--card);
  background: var(--accent); border: 1px solid var(--accent); border-radius: .35rem; cursor: pointer }
button.quiet { margin-top: .75rem; color: var(--ink); background: none; border-color: var(--line) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
[role=alert] { margin: 1rem 0 0; padding: .6rem .8rem; color: var(--bad); border: 1px solid; border-radius: .35rem }
`

/** Sends the form of the page as soon as it is there; whoever has no script presses its button. */
const sendAtOnce = 'document.forms[0].submit()'

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** The policy of these pages: this style, this script, forms to this server and to `formTargets`, and no frames. */
export const contentPolicy = (formTargets: readonly string[] = []): string =>
  [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(sendAtOnce)}`,
    `form-action 'self' ${formTargets.join(' ')}`.trim(),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')

/** A whole page; `body` is HTML. */
export const page = (title: string, body: string, { sendsAtOnce = false } = {}): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - OpenGallery</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
${sendsAtOnce ? `<script>${sendAtOnce}</script>\n` : ''}</body>
</html>
`

export const alertOf = (problem: string | undefined): string =>
  problem === undefined ? '' : `<p role="alert">${escaped(problem)}</p>`

export const hiddenInput = (name: string, value: string): string =>
  `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`

/** Name and password, as every form here asks for them. */
export const credentialInputs = (name: string): string => `<label for="username">User name</label>
<input id="username" name="username" value="${escaped(name)}" required maxlength="256" autocomplete="username" autocapitalize="none" spellcheck="false">
<label for="password">Password</label>
<input id="password" name="password" type="password" required maxlength="256" autocomplete="current-password">`

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escaped = (text: string): string => text.replace(/[&<>"']/g, sign => entities[sign] as string)
