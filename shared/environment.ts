import { z } from 'zod';
import { Fault } from './fault.ts';

/** A process's environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A parser of one setting: the value, or what is wrong with the text. */
export type SettingParser<T> = (text: string) => { readonly value: T } | { readonly problem: string };

/** Makes a zod transform of a setting's parser, so that its problem is listed with all others. */
export function toSetting<T>(parse: SettingParser<T>) {
  return (text: string, context: z.RefinementCtx): T => {
    const parsed = parse(text);
    if ('value' in parsed) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.problem });
    return z.NEVER;
  };
}

/**
 * Reads the variables that a schema names. Those set to nothing count as unset, as in a systemd EnvironmentFile.
 * Throws the Fault CONFIG_INVALID, which lists every problem on a line of its own.
 */
export function readEnvironment<Schema extends z.ZodType>(schema: Schema, environment: Environment): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `\n  ${issue.path.join('.')} ${issue.message}`);
  throw new Fault('CONFIG_INVALID', problems.join(''));
}

/** The lowest level of events that is logged; both programs take it. */
export const logLevelSchema = z
  .enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error')
  .default('info');
