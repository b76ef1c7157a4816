/** What the gateway's commands say of themselves. Texts are at most 80 columns wide. */

const generalHelp = `Ravao gateway: keeps the entries of a site's kiosks and forwards them.

  npm run -s gateway -- [COMMAND ...]

Without a command it serves. "COMMAND --help" says more of those with dots.

  serve               serve kiosks and forward, until SIGTERM or Ctrl-C

  entries [--format ndjson|csv]
                      print the stored entries, oldest first
  quarantine          print what could not be understood, or was refused
                      upstream
  check [--format text|json]
                      look for damage, gaps and tampering; exit 1 if any
  audit [--format text|csv|ndjson]
                      print who did what, when and why; a guard's card that
                      is in no register is marked as unregistered
  report ...          counts of a day or a week for the authority

  invite ...          a code that enrols a new kiosk
  enrol KIOSK --out DIR [--force]
                      write a kiosk's certificate and keys into DIR
  kiosks ...          which kiosks there are, when each was here last, which
                      gates are closed; and sending one away
  revoke KIOSK        cut a kiosk off for good, also while it is connected
  keys ...            the site's keys, and changing one

  cards ...           printed cards for people without a phone, and guards'
  poster ...          a site's poster, as PDF
  rules ...           who is barred or expected, passback, occupancy
  backfill ...        take a written list into the entries

  site-key ...        the key that opens names
  unseal ...          who was there, with names, for the health officer
  person ...          what a person may ask for by law
  incident ...        a pack for the notice of a breach
  purge ...           delete what was kept long enough
  backup ...          copy what must not be lost

All work while the gateway serves. Settings come from the environment, and the
README says what each means:
RAVAO_DATA_DIR RAVAO_SITE RAVAO_SITE_KIND RAVAO_MQTT_HOST RAVAO_MQTT_PORT
RAVAO_ENROL_PORT RAVAO_MDNS RAVAO_KEEP_DAYS RAVAO_UPSTREAM_URL
RAVAO_UPSTREAM_TOKEN RAVAO_UPSTREAM_CA RAVAO_UPSTREAM_CERT RAVAO_UPSTREAM_KEY
RAVAO_LOG_LEVEL
`;

const cardsHelp = async () => (await import('./cards/command.ts')).cardsHelp;

/** Of the commands that have a text of their own. Each is loaded when it is asked for: serving has no need of it. */
const ownHelp: Readonly<Record<string, () => Promise<string>>> = {
  backfill: async () => (await import('./backfill/command.ts')).backfillHelp,
  backup: async () => (await import('./retention/backup-command.ts')).backupHelp,
  cards: cardsHelp,
  incident: async () => (await import('./retention/incident-command.ts')).incidentHelp,
  invite: async () => (await import('./enrol/invite-command.ts')).inviteHelp,
  keys: async () => (await import('./keys/command.ts')).keysHelp,
  'site-key': async () => (await import('./officer/site-key-command.ts')).keyHelp,
  kiosks: async () => (await import('./enrol/kiosks-command.ts')).kiosksHelp,
  person: async () => (await import('./retention/person-command.ts')).personHelp,
  poster: cardsHelp,
  purge: async () => (await import('./retention/purge-command.ts')).purgeHelp,
  report: async () => (await import('./report/command.ts')).reportHelp,
  rules: async () => (await import('./site-rules/command.ts')).rulesHelp,
  unseal: async () => (await import('./officer/unseal-command.ts')).unsealHelp,
};

/** Commands that do nothing by themselves: without a word behind them they say which there are. */
export const commandGroups: readonly string[] = ['cards', 'rules', 'site-key'];

/** The help of a command; of all where it has none of its own. */
export async function readHelp(command: string): Promise<string> {
  const own = Object.hasOwn(ownHelp, command) ? ownHelp[command] : undefined;
  return own === undefined ? generalHelp : await own();
}
