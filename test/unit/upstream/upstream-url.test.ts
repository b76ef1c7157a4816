import { describe, expect, test } from 'vitest';
import { parseUpstreamUrl, parseUpstreamUrls, upstreamsMax } from '../../../gateway/upstream/upstream-url.ts';

const base = '/var/lib/ravao gate/dữ liệu';

describe('an upstream URL', () => {
  test.each([
    ['file:./upstream.ndjson', 'file:./upstream.ndjson', `${base}/upstream.ndjson`, true],
    ['file:upstream.ndjson', 'file:./upstream.ndjson', `${base}/upstream.ndjson`, true],
    ['FILE:./out/a.ndjson', 'file:./out/a.ndjson', `${base}/out/a.ndjson`, true],
    ['file:./a%20b.ndjson', 'file:./a b.ndjson', `${base}/a b.ndjson`, true],
    ['file:../a.ndjson', 'file:///var/lib/ravao gate/a.ndjson', '/var/lib/ravao gate/a.ndjson', false],
    ['file:///media/stick/ravao/a.ndjson', 'file:///media/stick/ravao/a.ndjson', '/media/stick/ravao/a.ndjson', false],
    [`file://${encodeURI(base)}/x/a.ndjson`, 'file:./x/a.ndjson', `${base}/x/a.ndjson`, true],
  ])('%s is a file', (text, name, path, inBase) => {
    expect(parseUpstreamUrl(text, base)).toEqual({ value: { type: 'file', name, path, inBase } });
  });

  test('a file beside a moved store keeps its name', () => {
    const names = ['/old', '/new/place/'].map((dir) => parseUpstreamUrl('file:./a.ndjson', dir));
    expect(names).toMatchObject([{ value: { name: 'file:./a.ndjson' } }, { value: { name: 'file:./a.ndjson' } }]);
  });

  test.each([
    ['https://health.example/v1/entries', 'https://health.example/v1/entries', true],
    ['HTTPS://Health.Example:443/v1?key=secret#x', 'https://health.example/v1', true],
    ['https://health.example', 'https://health.example/', true],
    ['http://127.0.0.1:9000/x', 'http://127.0.0.1:9000/x', false],
    ['http://localhost/x', 'http://localhost/x', false],
    ['http://[::1]:80/x', 'http://[::1]/x', false],
  ])('%s is an HTTP upstream without secrets in its name', (text, name, secure) => {
    expect(parseUpstreamUrl(text, base)).toMatchObject({ value: { type: 'http', name, secure } });
  });

  test('the query is sent', () => {
    expect(parseUpstreamUrl('https://h.example/v1?key=k#x', base)).toMatchObject({
      value: { url: 'https://h.example/v1?key=k' },
    });
  });

  test.each([
    ['http://health.example/', /must begin with https:/],
    ['http://10.0.0.1/', /must begin with https:/],
    ['http://127.0.0.1.evil.example/', /must begin with https:/],
    ['ftp://health.example/', /must begin with file: or https:/],
    ['mqtt://x', /must begin with file: or https:/],
    ['/var/a.ndjson', /is not a URL/],
    ['https://', /is not a URL/],
    ['file:', /names a folder/],
    ['file:./out/', /names a folder/],
    ['file://server/share/a', /must not name a host/],
    ['file:./a?b', /must hold no \? or #/],
    ['file:./a%2Fb', /% that does not stand/],
    ['file:./100%', /% that does not stand/],
  ])('%s is a problem that says what to do', (text, problem) => {
    expect(parseUpstreamUrl(text, base)).toEqual({ problem: expect.stringMatching(problem) });
  });

  test.each(['https://user:hunter2@health.example/', 'http://health.example/?token=hunter2', 'ftp://user:hunter2@x/'])(
    'a problem shows no secret of %s',
    (text) => {
      const parsed = parseUpstreamUrl(text, base);
      expect(parsed).toHaveProperty('problem');
      expect(JSON.stringify(parsed)).not.toContain('hunter2');
    },
  );
});

describe('a list of upstream URLs', () => {
  test('is separated by white space', () => {
    const { targets, problems } = parseUpstreamUrls(' file:./a.ndjson\n https://h.example/v1 ', base);
    expect(problems).toEqual([]);
    expect(targets.map(({ name }) => name)).toEqual(['file:./a.ndjson', 'https://h.example/v1']);
  });

  test('lists every problem', () => {
    expect(parseUpstreamUrls('ftp://a http://b.example/ file:./ok', base).problems).toHaveLength(2);
  });

  test('refuses two that would share one place in the store', () => {
    expect(parseUpstreamUrls('https://h.example/v1?a=1 https://h.example/v1?a=2', base).problems).toEqual([
      'names https://h.example/v1 twice',
    ]);
  });

  test('refuses none at all, and too many', () => {
    expect(parseUpstreamUrls('  ', base).problems).toHaveLength(1);
    const many = Array.from({ length: upstreamsMax + 1 }, (_, index) => `file:./${index}`).join(' ');
    expect(parseUpstreamUrls(many, base).problems).toHaveLength(1);
  });
});
