import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firmataPinsDefault } from '../../../hardware/board/board-setting.ts';
import { ledLabel } from '../../../hardware/board/gpio-leds.ts';
import { outputNames } from '../../../hardware/indicator/signals.ts';
import { gatewayNodeFlags, kioskNodeFlags } from '../../../shared/system/memory.ts';
import { projectDir } from '../../fakes/processes.ts';

const installDir = join(projectDir, 'hardware', 'install');
const read = (name: string) => readFileSync(join(installDir, name), 'utf8');
const units = ['ravao-kiosk.service', 'ravao-gateway.service'];

/** The directives of a unit, without comments. */
const directives = (unit: string) =>
  read(unit)
    .split('\n')
    .filter((line) => /^[A-Z]\w*=/.test(line));

describe('what an installer copies', () => {
  test.each([
    ['gateway', gatewayNodeFlags],
    ['kiosk', kioskNodeFlags],
  ])('bounds the heap of a %s as npm does', (program, flags) => {
    const { scripts } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const command = `node ${flags.join(' ')} ${program}/main.ts`;
    expect(scripts[program]).toContain(command);
    expect(read(`ravao-${program}.service`)).toContain(command);
  });

  test('gives the kernel a LED of the right label for every output, each on a pin of its own', () => {
    const overlays = [...read('config.txt').matchAll(/^dtoverlay=gpio-led,gpio=(\d+),label=(\S+)$/gm)];
    expect(overlays.map(([, , label]) => label)).toEqual(outputNames.map(ledLabel));
    expect(new Set(overlays.map(([, gpio]) => gpio)).size).toBe(outputNames.length);
    for (const [index, output] of outputNames.entries()) {
      expect(read('README.md')).toMatch(new RegExp(`^\\| ${output} \\| ${overlays[index]?.[1]} \\|`, 'm'));
    }
  });

  test("names the Arduino's pins as the program has them", () => {
    for (const output of outputNames) {
      expect(read('README.md')).toMatch(new RegExp(`^\\| ${output} \\| ${firmataPinsDefault[output]} \\|`, 'm'));
    }
  });

  test.each(units)('runs %s as its own user, for ever, on the pinned Node', (unit) => {
    const lines = directives(unit);
    expect(lines).toEqual(expect.arrayContaining(['User=ravao', 'Restart=always', 'WorkingDirectory=/opt/ravao']));
    const [, program = ''] =
      /^ExecStart=\/opt\/ravao\/node_modules\/\.bin\/node (?:--\S+ )*(\S+)/m.exec(read(unit)) ?? [];
    expect(existsSync(join(projectDir, program.split('/')[0] ?? ''))).toBe(true);
    expect(program).toMatch(/^(?:kiosk|gateway)\/main\.ts$/);
  });

  test.each(units)('does not forbid in %s what V8 needs', (unit) => {
    expect(directives(unit).join('\n')).not.toMatch(/MemoryDenyWriteExecute/);
  });

  test("leaves the kiosk's lights and scanner within its reach", () => {
    const lines = directives('ravao-kiosk.service').join('\n');
    expect(lines).not.toMatch(/ProtectKernelTunables|PrivateDevices|DevicePolicy/);
    expect(lines).toContain('SupplementaryGroups=dialout');
  });

  test('says in its README what each file is for', () => {
    const named = readdirSync(installDir).filter((name) => name !== 'README.md');
    expect(named.filter((name) => !read('README.md').includes(`\`${name}\``))).toEqual([]);
  });
});
