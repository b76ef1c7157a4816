/** Enrolment as part of a serving gateway: the door for new kiosks, and the invitations that open it. */
import type { KioskState } from '../../shared/entry.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import { openAudit } from '../audit/audit.ts';
import type { GatewayCredentials } from '../trust/authority.ts';
import { CloneWatch } from './clones.ts';
import { type EnrolmentOptions, type EnrolmentService, startEnrolment } from './enrolment-service.ts';
import { GateStates, readGateStates } from './gate-states.ts';
import { Invitations } from './invitations.ts';
import { LastSeen, readLastSeen } from './last-seen.ts';
import { Presence } from './presence.ts';

export interface EnrollingOptions extends Omit<EnrolmentOptions, 'port' | 'invitations'> {
  readonly enrolPort: number;
  readonly trustDir: string;
  readonly dataDir: string;
}

export interface Enrolling extends AsyncDisposable {
  /** The port that new kiosks ask; null where it cannot be had. */
  readonly port: number | null;
  renew(credentials: GatewayCredentials): void;
  /** Hears what kiosks say of themselves, on which connection: one that is here needs its invitation no more. */
  noteState(kiosk: string, state: KioskState, connection: object): void;
  /** Hears that two entries of a kiosk bear one place in one outbox. */
  noteReuse(kiosk: string): void;
}

/** Opens the door. A port that is taken costs the enrolment of new kiosks, and is no reason to stop keeping entries: it is logged. */
export async function openEnrolling(options: EnrollingOptions): Promise<Enrolling> {
  const { trustDir, enrolPort, clock, log } = options;
  const invitations = new Invitations(trustDir, clock);
  const lastSeen = new LastSeen(options.dataDir, await readLastSeen(options.dataDir), clock, log);
  const gates = new GateStates(options.dataDir, await readGateStates(options.dataDir), clock, log);
  const presence = new Presence(options.dataDir, clock, log);
  const clones = await CloneWatch.open(options.dataDir, options);
  let service: EnrolmentService | null = null;
  let stopped = false;
  try {
    service = await startEnrolment({ ...options, trust: audited(options), port: enrolPort, invitations });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    log.error('enrol.unavailable', {
      error: describeError(error),
      remedy: 'Set RAVAO_ENROL_PORT to a free port above 1023.',
    });
  }
  return {
    port: service?.port ?? null,
    renew: (credentials) => service?.renew(credentials),
    noteReuse: (kiosk) => void (stopped || clones.reused(kiosk)),
    noteState(kiosk, state, connection) {
      const { online, instance } = state;
      if (stopped) return;
      lastSeen.note(kiosk);
      gates.note(kiosk, state);
      presence.note(kiosk, connection, online);
      if (!online) return;
      clones.heard(kiosk, instance);
      invitations.seen(kiosk).catch((error: unknown) => log.error('enrol.failed', { error: describeError(error) }));
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      await service?.[Symbol.asyncDispose]();
      await lastSeen[Symbol.asyncDispose]();
      await gates[Symbol.asyncDispose]();
      await presence[Symbol.asyncDispose]();
      await clones[Symbol.asyncDispose]();
    },
  };
}

/** No certificate is made that the audit does not tell of. */
function audited({ trust, dataDir, clock }: EnrollingOptions): EnrolmentOptions['trust'] {
  const audit = openAudit(dataDir, { clock });
  return {
    grant: (certPem) => trust.grant(certPem),
    async certify(kiosk, publicKey) {
      await audit.record({ action: 'kiosk.enrolled', what: { kiosk, by: 'invitation' } });
      // By the authority that the invitation names: a new kiosk knows no other.
      return trust.certify(kiosk, publicKey, 'serving');
    },
  };
}
