/** The only style of the page; its hash is in the content security policy. Light and dark, no pictures, nothing fetched. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1b1a19; --paper: #faf9f8; --card: #fff; --line: #8a8886; --accent: #0f6cbd; --bad: #b10e1c }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f3f2f1; --paper: #1b1a19; --card: #292827; --line: #979593; --accent: #62abf5; --bad: #f1707b }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, 'Segoe UI', sans-serif }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border-radius: .75rem;
  box-shadow: 0 2px 16px rgb(0 0 0 / .14) }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25 }
label { display: block; margin-top: 1rem; font-weight: 600 }
input { width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: .35rem }
input[name=user_code] { font-family: ui-monospace, monospace; letter-spacing: .15em; text-transform: uppercase }
button { width: 100%; margin-top: 1.5rem; padding: .7rem; font: inherit; font-weight: 600; color: var(--card);
  background: var(--accent); border: 0; border-radius: .35rem; cursor: pointer }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
[role=alert] { margin: 1rem 0 0; padding: .6rem .8rem; color: var(--bad); border: 1px solid; border-radius: .35rem }
`

export interface DevicePage {
  readonly path: string
  /** Shows that the form was made by this page. */
  readonly proof: string
  readonly userCode?: string
  readonly name?: string
  readonly problem?: string
}

/** Asks for the code that the other device shows, and who lets it in. */
export const devicePage = ({ path, proof, userCode = '', name = '', problem }: DevicePage): string =>
  page(
    'Sign in on another device',
    `<p>Go on only if you asked for this code on a device of your own. Never enter a code that somebody sent you.</p>
${problem ? `<p role="alert">${escaped(problem)}</p>` : ''}
<form method="post" action="${escaped(path)}" autocomplete="on">
<input type="hidden" name="proof" value="${escaped(proof)}">
<label for="user_code">Code</label>
<input id="user_code" name="user_code" value="${escaped(userCode)}" required maxlength="16" autocomplete="off" autocapitalize="characters" spellcheck="false"${userCode ? '' : ' autofocus'}>
<label for="username">User name</label>
<input id="username" name="username" value="${escaped(name)}" required maxlength="256" autocomplete="username" autocapitalize="none" spellcheck="false">
<label for="password">Password</label>
<input id="password" name="password" type="password" required maxlength="256" autocomplete="current-password">
<button type="submit">Sign in</button>
</form>`,
  )

/** The other device may go on. */
export const donePage = (client: string): string =>
  page('You are signed in', `<p>${escaped(client)} can go on now. You may close this window.</p>`)

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - OpenGallery</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, sign => entities[sign] as string)
