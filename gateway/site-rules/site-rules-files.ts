/**
 * The site's rules as they are kept: a folder of three JSON files, each put in its place whole, so that a power cut leaves
 * what was before or what came. People are in them as pseudonyms only.
 */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { subjectSchema } from '../../shared/entry.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import { barReasonSchema, siteRulesLimits, siteRulesSchema, strictnesses } from '../../shared/site-rules.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { isOperatingError, lockProcess } from '../process-lock.ts';
import { replaceFile, secretFileMode } from '../trust/durable-file.ts';

const daySchema = z.iso.date();
const { reasonsMax, gatesMax, peoplePerListMax } = siteRulesLimits;

const settingsSchema = z.object({
  v: z.literal(1),
  reasons: z.array(barReasonSchema).max(reasonsMax),
  expected: z.enum(strictnesses),
  passback: siteRulesSchema.shape.passback,
  occupancy: z
    .object({
      limit: z.int().min(1).max(peoplePerListMax),
      strictness: z.enum(['warn', 'refuse']),
      /** When everybody is taken to have left, each day in Viet Nam. */
      resetAt: z
        .string()
        .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be like 03:30')
        .nullable(),
    })
    .nullable(),
  /** When everybody was last said to have left. */
  resetMs: z.number().nullable(),
});

const barredSchema = z.object({
  v: z.literal(1),
  people: z
    .array(
      z.object({
        subject: subjectSchema,
        reason: z.string(),
        /** The last day in Viet Nam. */
        until: daySchema.nullable(),
        /** Names of gates or ids of kiosks; none: everywhere. */
        gates: z.array(z.string()).max(gatesMax),
        since: z.iso.datetime(),
      }),
    )
    .max(peoplePerListMax),
});

const expectedSchema = z.object({
  v: z.literal(1),
  /** Subjects by day in Viet Nam. */
  days: z.record(daySchema, z.array(subjectSchema).max(peoplePerListMax)),
});

export type SiteSettings = z.infer<typeof settingsSchema>;
export type BarredPerson = z.infer<typeof barredSchema>['people'][number];
export type ExpectedDays = z.infer<typeof expectedSchema>['days'];

/** All that the folder holds. */
export interface KeptRules {
  readonly settings: SiteSettings;
  readonly barred: readonly BarredPerson[];
  readonly expected: ExpectedDays;
}

/** What holds before anybody said anything. */
export const firstRules: KeptRules = {
  settings: {
    v: 1,
    reasons: [
      { code: 'ban', vi: 'Chưa được vào. Xin gặp ban quản lý.', en: 'Not allowed in. Please see the management.' },
      {
        code: 'health',
        vi: 'Xin gặp nhân viên y tế trước khi vào.',
        en: 'Please see the health staff before going in.',
      },
      { code: 'papers', vi: 'Thiếu giấy tờ. Xin gặp bảo vệ.', en: 'Papers are missing. Please see the guard.' },
    ],
    expected: 'off',
    passback: { everywhere: 'off', gates: {} },
    occupancy: null,
    resetMs: null,
  },
  barred: [],
  expected: {},
};

const fileNames = { settings: 'settings.json', barred: 'barred.json', expected: 'expected.json' } as const;
type FileName = keyof typeof fileNames;

/** The folder in the gateway's data directory. */
export function siteRulesDir(dataDir: string): string {
  return join(dataDir, 'rules');
}

/** Says for each file which one it is and of when; another answer means that something has changed. Null: none is there. */
export function stampOf(dataDir: string): string | null {
  const stamps = Object.values(fileNames).map((name) => {
    const found = statSync(join(siteRulesDir(dataDir), name), { bigint: true, throwIfNoEntry: false });
    return found === undefined ? '' : `${found.ino}:${found.mtimeNs}:${found.size}`;
  });
  return stamps.every((stamp) => stamp === '') ? null : stamps.join(' ');
}

/** What is kept; files that are not there say what held before anybody said anything. Throws the Faults SITE_RULES_DAMAGED and DATA_DIR_UNUSABLE. */
export function readSiteRules(dataDir: string): KeptRules {
  const read = <T>(file: FileName, schema: z.ZodType<T>, otherwise: T) =>
    readJson(join(siteRulesDir(dataDir), fileNames[file]), schema) ?? otherwise;
  return {
    settings: read('settings', settingsSchema, firstRules.settings),
    barred: read('barred', barredSchema, { v: 1, people: [] }).people,
    expected: read('expected', expectedSchema, { v: 1, days: {} }).days,
  };
}

const lockName = 'rules.lock';

/**
 * Changes what is kept, one command at a time. `change` gives what is to be kept, and may record it before; what it gives
 * unchanged is not written. Throws what `change` throws, and the Faults SITE_RULES_BUSY, SITE_RULES_DAMAGED and
 * DATA_DIR_UNUSABLE. @param lockMs how long to wait for another process, in milliseconds, blocking everything here.
 */
export async function editSiteRules(
  dataDir: string,
  change: (kept: KeptRules) => Promise<KeptRules>,
  lockMs?: number,
): Promise<KeptRules> {
  const dir = siteRulesDir(dataDir);
  using _ = lockRules(dir, lockMs);
  sweep(dir);
  const before = readSiteRules(dataDir);
  const after = await change(before);
  try {
    const write = (file: FileName, content: object) =>
      replaceFile(dir, { name: fileNames[file], content: `${JSON.stringify(content)}\n`, mode: secretFileMode });
    // Reasons before the bars that name them.
    if (after.settings !== before.settings) await write('settings', after.settings);
    if (after.barred !== before.barred) await write('barred', { v: 1, people: after.barred });
    if (after.expected !== before.expected) await write('expected', { v: 1, days: after.expected });
  } catch (error) {
    throw toFault(error, dir);
  }
  return after;
}

/** What a command left that was killed while it wrote: it names people, and nobody would ever look at it again. */
function sweep(dir: string): void {
  for (const name of readdirSync(dir)) if (name.endsWith('.tmp')) rmSync(join(dir, name), { force: true });
}

/** How long a command waits for another one, in milliseconds. */
const lockWaitMs = 10_000;

function lockRules(dir: string, lockMs = lockWaitMs): Disposable {
  try {
    makeDurableFolder(dir);
    return lockProcess(join(dir, lockName), lockMs);
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY'))
      throw new Fault('SITE_RULES_BUSY', `Folder: ${dir}`, { cause: error });
    throw toFault(error, dir);
  }
}

function readJson<T>(path: string, schema: z.ZodType<T>): T | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw toFault(error, path);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Fault('SITE_RULES_DAMAGED', `File: ${path}: not JSON.`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Fault('SITE_RULES_DAMAGED', `File: ${path}: ${issue?.path.join('.')}: ${issue?.message}.`);
}

function toFault(error: unknown, path: string): unknown {
  if (!isOperatingError(error)) return error;
  return new Fault('DATA_DIR_UNUSABLE', `${path}: ${describeError(error)}.`, { cause: error });
}
