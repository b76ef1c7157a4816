/** `invite`: makes an invitation and prints it as a code for a kiosk's scanner. */
import { createHash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import { Fault } from '../../shared/fault.ts';
import {
  type Address,
  addressesMax,
  encodeInvitation,
  formatAddress,
  gateNameSchema,
  parseAddress,
} from '../../shared/invitation.ts';
import type { Chance, Clock, Log } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { openAudit } from '../audit/audit.ts';
import { qrMatrix } from '../cards/qr-matrix.ts';
import { showMoment } from '../moment.ts';
import { openTrust, type Trust } from '../trust/authority.ts';
import { gatewayAddresses, isLoopback, thisMachine } from './gateway-addresses.ts';
import { Invitations } from './invitations.ts';
import { deriveKioskId } from './kiosk-id.ts';
import { drawInTerminal } from './terminal-code.ts';

/** What `invite --help` prints. */
export const inviteHelp = `invite: prints a code by which a new kiosk is enrolled, with its own scanner. It
works once.

  npm run -s gateway -- invite --gate NAME [--direction in|out|toggle]
                               [--kiosk ID] [--hours 24]
                               [--address HOST:PORT ...]
                               [--format terminal|text|pdf] [--out FILE.pdf]

--address: where kiosks find this gateway's door for enrolment, if not at the
addresses of this machine.
Whoever sees the code can use it before your kiosk does: print it when the kiosk
is there, and keep it to yourself.
`;

const directions = ['in', 'out', 'toggle'] as const;
const formats = ['terminal', 'text', 'pdf'] as const;

/** How long an invitation may last, in hours. */
const hoursMax = 168;

/** A gate's name that still fits into a code that is easy to scan, in characters. */
const gateCharsMax = 60;

export interface InviteParts {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly print: (pieces: Iterable<string>) => Promise<void>;
  readonly warn: (text: string) => void;
  readonly color: boolean;
}

export interface InviteConfig {
  readonly dataDir: string;
  readonly site: string;
  readonly host: string;
  readonly enrolPort: number;
}

/** An invitation to print. */
export interface PrintedInvitation {
  readonly text: string;
  readonly site: string;
  readonly gate: string;
  readonly kiosk: string;
  readonly expiresMs: number;
}

/** Runs the command and gives its exit code. Throws the Faults of the trust folder and of what is written. */
export async function runInvite(args: readonly string[], config: InviteConfig, parts: InviteParts): Promise<number> {
  const wish = readWish(args, config);
  if (typeof wish === 'string') return refuseArguments(wish, 'gateway -- invite', parts.warn);
  if (wish.addresses.every(isLoopback)) {
    parts.warn(
      'Only kiosks on this machine will find the gateway: it listens on a loopback address. Set RAVAO_MQTT_HOST=0.0.0.0.\n',
    );
  }
  const trustDir = join(config.dataDir, 'trust');
  const trust = await openTrust(trustDir, { site: config.site, clock: parts.clock, log: parts.log });
  await using sheet = wish.format === 'pdf' ? await openSheet(wish.out) : null;
  const printed = await makeInvitation(wish, trust, new Invitations(trustDir, parts.clock), config, parts);
  if (wish.format === 'text') await parts.print([`${printed.text}\n`]);
  else if (sheet === null) await parts.print([describe(printed, parts.color)]);
  else {
    await sheet.write(printed, parts.clock.nowMs());
    parts.warn(`${wish.out} is written, for ${printed.kiosk}. Delete it when the kiosk is enrolled.\n`);
  }
  return exitCode.ok;
}

/** Loaded only where a sheet is wanted. */
async function openSheet(path: string) {
  const { openInvitationSheet } = await import('./invitation-sheet.ts');
  return openInvitationSheet(path);
}

interface Wish {
  readonly gate: string;
  readonly direction: (typeof directions)[number];
  readonly kiosk: string | null;
  readonly hours: number;
  readonly addresses: readonly Address[];
  readonly format: (typeof formats)[number];
  readonly out: string;
}

const options = {
  gate: { type: 'string' },
  direction: { type: 'string', default: 'in' },
  kiosk: { type: 'string' },
  hours: { type: 'string', default: '24' },
  address: { type: 'string', multiple: true },
  format: { type: 'string', default: 'terminal' },
  out: { type: 'string' },
} as const;

/** What was asked for, or what is wrong with it. */
function readWish(args: readonly string[], { host, enrolPort }: InviteConfig): Wish | string {
  const typed = parseCommandLine(args, { options });
  if (typeof typed === 'string') return typed;
  const { values } = typed;
  const { gate = '', kiosk = null, out = '' } = values;
  if (!gateNameSchema.safeParse(gate.trim()).success || gate.length > gateCharsMax)
    return `--gate is a name of 1 to ${gateCharsMax} characters that can be printed.`;
  const direction = directions.find((name) => name === values.direction);
  if (direction === undefined) return `--direction is ${directions.join(', ')}, not ${values.direction}.`;
  const format = formats.find((name) => name === values.format);
  if (format === undefined) return `--format is ${formats.join(', ')}, not ${values.format}.`;
  if ((format === 'pdf') !== (out !== '')) return '--out FILE.pdf belongs to --format pdf.';
  const hours = Number(values.hours);
  if (!(hours > 0 && hours <= hoursMax)) return `--hours is more than 0 and at most ${hoursMax}.`;
  const given = values.address?.map(parseAddress) ?? [];
  if (given.includes(null) || given.length > addressesMax)
    return `--address is HOST:PORT, at most ${addressesMax} times.`;
  const named = given.filter((address) => address !== null);
  if (named.length === 0 && enrolPort === 0) return 'Name --address, for RAVAO_MQTT_PORT is 0 and so any.';
  const addresses = named.length > 0 ? named : gatewayAddresses(host, enrolPort, thisMachine());
  if (addresses.length === 0) return 'This machine has no address that a kiosk could use: name one with --address.';
  return { gate: gate.trim(), direction, kiosk, hours, addresses, format, out };
}

async function makeInvitation(
  { gate, direction, hours, addresses, ...wish }: Wish,
  trust: Trust,
  invitations: Invitations,
  { site, dataDir }: InviteConfig,
  { clock, chance, warn }: InviteParts,
): Promise<PrintedInvitation> {
  const enrolled = new Set((await trust.enrolled()).map(({ kiosk }) => kiosk));
  const invited = await invitations.list();
  const kiosk = wish.kiosk ?? deriveKioskId(gate, new Set([...enrolled, ...invited.map((one) => one.kiosk)]));
  if (!kioskIdSchema.safeParse(kiosk).success) throw new Fault('KIOSK_ID_INVALID', JSON.stringify(kiosk));
  if (enrolled.has(kiosk)) warn(`${kiosk} was enrolled before. If that kiosk is lost, revoke ${kiosk} first.\n`);
  for (const { kiosk: awaited } of invited.filter((one) => one.state === 'open' && one.gate === gate))
    warn(
      `${awaited} is invited for this gate already, and has not come. This is an invitation for ${kiosk} as well.\n`,
    );
  const expiresMs = Math.floor(clock.nowMs() / 1_000 + hours * 3_600) * 1_000;
  await openAudit(dataDir, { clock }).record({ action: 'kiosk.invited', what: { kiosk, gate, direction, hours } });
  const secret = await invitations.make({ kiosk, gate, direction }, expiresMs, chance);
  const fingerprint = createHash('sha256').update(new X509Certificate(trust.caPem).raw).digest();
  const text = encodeInvitation({ addresses, fingerprint, secret, gate, direction, kiosk, expiresMs }, (bytes) =>
    trust.signInvitation(bytes),
  );
  warn(`Kiosks will look for the gateway at ${addresses.map(formatAddress).join(', ')}.\n`);
  return { text, site, gate, kiosk, expiresMs };
}

function describe({ text, gate, kiosk, expiresMs }: PrintedInvitation, color: boolean): string {
  // On a screen nothing is dirty or torn, and a smaller code is read from farther away.
  const code = drawInTerminal(qrMatrix(text, 'L'), color);
  return `${code}\n${gate}: ${kiosk}. Hold the kiosk's scanner to the code. It works once, until ${showMoment(expiresMs)}.\n`;
}
