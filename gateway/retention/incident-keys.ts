/** Since when, and until when, the private key that opens identities lay on the gateway in clear: what the audit tells of it. */
import type { AuditLine } from '../audit/audit-line.ts';
import type { Span } from './incident-facts.ts';

/** What the audit says of where a key lies. */
export const keyActions = ['key.rotate', 'key.protected'] as const;

/** When a key lay in clear, milliseconds since the Unix epoch. */
export interface ClearSpan {
  /** Null: since the site was begun. */
  readonly fromMs: number | null;
  /** Null: up to now, or, where it lies there no more, nobody knows until when. */
  readonly toMs: number | null;
}

/**
 * When a key of the site lay in clear, oldest first. A site begins with one in clear; `site-key protect` ends that, and a
 * change of the site's key begins it anew. Where one lies in clear now though the last was protected, somebody put it there by
 * hand: it may have been at any time since.
 * @param lines those of the audit with {@link keyActions}, in order.
 */
export function findClearSpans(lines: Iterable<AuditLine>, isClearNow: boolean): readonly ClearSpan[] {
  const spans: ClearSpan[] = [];
  let open: Pick<ClearSpan, 'fromMs'> | null = { fromMs: null };
  let protectedMs: number | null = null;
  for (const { action, what, at } of lines) {
    const atMs = Date.parse(at);
    if (action === 'key.rotate' && what.kind === 'site') open ??= { fromMs: atMs };
    if (action !== 'key.protected') continue;
    if (open !== null) spans.push({ ...open, toMs: atMs });
    open = null;
    protectedMs = atMs;
  }
  if (open !== null) spans.push({ ...open, toMs: null });
  else if (isClearNow) spans.push({ fromMs: protectedMs, toMs: null });
  return spans;
}

/** Those that touch a span of time. */
export function within(spans: readonly ClearSpan[], { fromMs, toMs }: Span): readonly ClearSpan[] {
  return spans.filter((one) => (one.fromMs ?? Number.NEGATIVE_INFINITY) < toMs && (one.toMs ?? toMs) > fromMs);
}
