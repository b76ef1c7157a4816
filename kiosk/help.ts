/** What the kiosk's program says of itself; at most 80 columns wide. */
export const kioskHelp = `Ravao kiosk: reads codes, answers with lights and sound, and sends entries to
the gateway.

  npm run -s kiosk                      run until SIGTERM or Ctrl-C
  npm run -s kiosk -- read [--clear]    for each line of standard input say what
                                        a kiosk understands, as a JSON line;
                                        names and numbers are masked without
                                        --clear
  npm run -s kiosk -- reset [--force]   forget who enrolled this kiosk; with
                                        --force also when entries were never
                                        sent

Settings come from the environment, and the README says what each means; read
needs none, reset RAVAO_DATA_DIR:
RAVAO_DATA_DIR RAVAO_KIOSK_ID RAVAO_GATE RAVAO_DIRECTION RAVAO_GATEWAY_URL
RAVAO_CREDENTIALS RAVAO_MDNS RAVAO_SCANNER RAVAO_BOARD RAVAO_REPEAT_MS
RAVAO_CERTIFICATE_SIGNERS RAVAO_LOG_LEVEL
`;
