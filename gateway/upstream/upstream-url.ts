/** What the setting `RAVAO_UPSTREAM_URL` names. Pure: nothing is opened here. */

/** A site has at most this many upstreams: each reads the whole backlog for itself. */
export const upstreamsMax = 8;

/** Where entries are to go, understood and checked. */
export type UpstreamTarget =
  | {
      readonly type: 'file';
      readonly name: string;
      /** Absolute. */
      readonly path: string;
      /** Lies within the base directory, so its folder is ours to make. */
      readonly inBase: boolean;
    }
  | { readonly type: 'http'; readonly name: string; readonly url: string; readonly secure: boolean };

/** A target, or one line that says what is wrong with the text and names it without its secrets. */
export type ParsedUpstreamUrl = { readonly value: UpstreamTarget } | { readonly problem: string };

/**
 * Understands one upstream URL: `file:./x` (within `fromDir`), `file:///x`, `https:`, or `http:` to this machine.
 * The target's name is stable and free of secrets: no user, no query; a file within `baseDir` is named relative to it,
 * so that a data directory that is moved, store and file together, is not forwarded a second time.
 * @param baseDir absolute; the directory that also holds the store.
 * @param fromDir absolute; where relative paths begin.
 */
export function parseUpstreamUrl(text: string, baseDir: string, fromDir = baseDir): ParsedUpstreamUrl {
  const wrong = (why: string): ParsedUpstreamUrl => ({ problem: `"${withoutSecrets(text)}" ${why}` });
  const base = folderUrl(baseDir);
  const url = URL.parse(text, /^file:/i.test(text) ? folderUrl(fromDir) : undefined);
  if (url === null) return wrong('is not a URL: write file:./entries.ndjson or https://host/path');
  if (url.protocol === 'file:') return parseFileUrl(url, base, wrong);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return wrong('must begin with file: or https:');
  if (url.username !== '' || url.password !== '') return wrong('must hold no user or password: use the token setting');
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return wrong('must begin with https: (http: is for this machine only)');
  }
  const name = `${url.protocol}//${url.host}${url.pathname}`;
  url.hash = '';
  return { value: { type: 'http', name, url: url.href, secure: url.protocol === 'https:' } };
}

function folderUrl(dir: string): string {
  return `file://${dir.split('/').map(encodeURIComponent).join('/').replace(/\/*$/, '/')}`;
}

function parseFileUrl(url: URL, base: string, wrong: (why: string) => ParsedUpstreamUrl): ParsedUpstreamUrl {
  if (url.host !== '') return wrong('must not name a host: write file:./x or file:///folder/x');
  if (url.search !== '' || url.hash !== '') return wrong('must hold no ? or #: write them as %3F and %23');
  if (url.pathname.endsWith('/')) return wrong('names a folder: add the name of a file');
  const path = decodePath(url.pathname);
  const basePath = decodePath(new URL(base).pathname);
  if (path === null || basePath === null) return wrong('holds a % that does not stand for a character of a path');
  const inBase = path.startsWith(basePath);
  const name = inBase ? `file:./${path.slice(basePath.length)}` : `file://${path}`;
  return { value: { type: 'file', name, path, inBase } };
}

/**
 * Understands a list of upstream URLs that are separated by white space. Two of one name are a problem, because they
 * would share one place in the store and each would get a part of the entries.
 */
export function parseUpstreamUrls(
  text: string,
  baseDir: string,
  fromDir = baseDir,
): { readonly targets: readonly UpstreamTarget[]; readonly problems: readonly string[] } {
  const targets = new Map<string, UpstreamTarget>();
  const problems: string[] = [];
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) problems.push('names no upstream');
  if (words.length > upstreamsMax) problems.push(`names ${words.length} upstreams, ${upstreamsMax} are allowed`);
  for (const word of words.slice(0, upstreamsMax)) {
    const parsed = parseUpstreamUrl(word, baseDir, fromDir);
    if ('problem' in parsed) problems.push(parsed.problem);
    else if (targets.has(parsed.value.name)) problems.push(`names ${parsed.value.name} twice`);
    else targets.set(parsed.value.name, parsed.value);
  }
  return { targets: [...targets.values()], problems };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}

function decodePath(pathname: string): string | null {
  try {
    return /%(?:2f|00)/i.test(pathname) ? null : decodeURIComponent(pathname);
  } catch {
    return null;
  }
}

/** What may be shown of a URL that somebody typed: not the user, the password or the query. */
function withoutSecrets(text: string): string {
  return text
    .replace(/\/\/[^/?#]*@/, '//…@')
    .replace(/\?.*$/s, '?…')
    .slice(0, 200);
}
