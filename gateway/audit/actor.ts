/** Who acts, as the operating system tells. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** Who did something. */
export interface Actor {
  /** The operating system's user that the program runs as. */
  readonly user: string;
  /** Who logged in at first, where the kernel remembers (loginuid, which `sudo` does not change); null where it does not. */
  readonly login: string | null;
  /** The program's command, or `gateway` for the one that serves. */
  readonly command: string;
}

/** What the kernel says where nobody logged in: a service. */
const noLogin = 0xffff_ffff;

/**
 * Who runs this process.
 * @param args the program's arguments; the first that is no option is the command, and none means serving.
 */
export function thisActor(args: readonly string[] = process.argv.slice(2)): Actor {
  const command = args.find((argument) => !argument.startsWith('-')) ?? 'serve';
  return { user: userName(), login: loginName(), command: command === 'serve' ? 'gateway' : command.slice(0, 100) };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown'); // a container without a name for its user
  }
}

function loginName(): string | null {
  const uid = Number(readText('/proc/self/loginuid') || noLogin);
  if (uid === noLogin) return null;
  const users = readText('/etc/passwd').split('\n');
  const name = users.map((line) => line.split(':')).find(([, , id]) => id === String(uid))?.[0];
  return name ?? String(uid);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
