import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../src/config.ts';
import { VoxgateError } from '../src/errors.ts';
import { parseCondition } from '../src/routing/parse-condition.ts';
import { aFolder } from './support/test-node.ts';

function aFile(content: unknown): string {
  const path = join(aFolder(), 'voxgate.config.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** The sentences of the refusal, without its heading. */
function faultsOf(environment: NodeJS.ProcessEnv, content: unknown = {}): string[] {
  try {
    loadSettings({ VOXGATE_CONFIG: aFile(content), ...environment });
  } catch (error) {
    if (!(error instanceof VoxgateError) || error.code !== 'bad-setting') throw error;
    return error.message.split('\n  ').slice(1);
  }
  return [];
}

describe('settings', () => {
  it('are those of the contract where nobody says otherwise', () => {
    expect(loadSettings({ VOXGATE_CONFIG: aFile({}) })).toMatchObject({
      aeTitle: 'VOXGATE',
      dimse: { host: '127.0.0.1', port: 11112 },
      http: { host: '127.0.0.1', port: 8080 },
      data: resolve('data'),
      databaseUrl: undefined,
      models: [resolve('models')],
      viewer: resolve('viewer'),
      logLevel: 'info',
      insecure: false,
      peers: [],
      routes: [],
      acceptUnknownPeers: true,
    });
  });

  it('come from the environment first, then from the file, then from the defaults', () => {
    const file = aFile({
      aeTitle: 'FROMFILE',
      settleSeconds: 7,
      models: '/models:/more',
      peers: {
        pacs: { aeTitle: ' ORTHANC ', host: 'pacs.local', port: 4242 },
        web: { dicomweb: 'https://pacs.local/dicom-web/' },
      },
      routes: [
        { model: 'ct-lung-segmentation', when: { Modality: 'CT', SeriesNumber: 2 }, deliverTo: ['pacs', 'web'] },
      ],
      acceptUnknownPeers: false,
    });
    const settings = loadSettings({ VOXGATE_CONFIG: file, VOXGATE_AE_TITLE: 'FROMENV', VOXGATE_DIMSE: '[::1]:104' });
    expect(settings).toMatchObject({
      file,
      aeTitle: 'FROMENV',
      dimse: { host: '::1', port: 104 },
      settleSeconds: 7,
      idleSettleSeconds: 60,
      models: ['/models', '/more'],
      acceptUnknownPeers: false,
    });
    expect(settings.peers).toEqual([
      { name: 'pacs', aeTitle: 'ORTHANC', host: 'pacs.local', port: 4242 },
      { name: 'web', dicomweb: 'https://pacs.local/dicom-web' },
    ]);
    expect(settings.routes).toEqual([
      {
        name: 'routes[0]',
        model: 'ct-lung-segmentation',
        when: parseCondition('Modality = CT and SeriesNumber = 2', 'when'),
        deliverTo: ['pacs', 'web'],
      },
    ]);
  });

  it('that are wrong are all named at once, by variable', () => {
    const faults = faultsOf({
      VOXGATE_AE_TITLE: 'MORE THAN SIXTEEN',
      VOXGATE_DIMSE: '127.0.0.1',
      VOXGATE_HTTP: '127.0.0.1:70000',
      DATABASE_URL: 'mysql://user:secret@host/db',
      VOXGATE_STORAGE: 's3://bucket/prefix',
      VOXGATE_LOG_LEVEL: 'loud',
      VOXGATE_INSECURE: 'maybe',
      VOXGATE_SETTLE_SECONDS: '-1',
      VOXGATE_IDLE_SETTLE_SECONDS: 'soon',
      VOXGATE_MAX_ASSOCIATIONS: '0',
    });
    expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual([
      'DATABASE_URL',
      'VOXGATE_AE_TITLE',
      'VOXGATE_DIMSE',
      'VOXGATE_HTTP',
      'VOXGATE_IDLE_SETTLE_SECONDS',
      'VOXGATE_INSECURE',
      'VOXGATE_LOG_LEVEL',
      'VOXGATE_MAX_ASSOCIATIONS',
      'VOXGATE_SETTLE_SECONDS',
      'VOXGATE_STORAGE',
    ]);
    expect(faults.find((fault) => fault.startsWith('VOXGATE_STORAGE'))).toContain('"s3://bucket/prefix"');
    expect(faults.join('\n')).not.toContain('secret');
  });

  it.each(['0.0.0.0:8080', '192.168.1.5:8080', '[::]:8080', 'voxgate.hospital:8080', '127.evil.example:8080'])(
    'refuse to answer HTTP at %s, where others can reach it, unless told to',
    (address) => {
      expect(faultsOf({ VOXGATE_HTTP: address })).toEqual([expect.stringContaining('VOXGATE_INSECURE=1')]);
      expect(faultsOf({ VOXGATE_HTTP: address, VOXGATE_INSECURE: '1' })).toEqual([]);
    },
  );

  it('of the file that nobody knows, or that are no plain values, are refused', () => {
    expect(faultsOf({}, { aetitle: 'X', data: { path: '/data' }, models: ['/a'], acceptUnknownPeers: 'yes' })).toEqual([
      expect.stringContaining('acceptUnknownPeers: must be true or false'),
      expect.stringContaining('aetitle: no setting of that name'),
      expect.stringContaining('data: must be text'),
      expect.stringContaining('models: must be text'),
    ]);
    expect(faultsOf({}, '{ "aeTitle": ')).toEqual([expect.stringContaining('VOXGATE_CONFIG')]);
    expect(faultsOf({}, '[]')).toEqual([expect.stringContaining('must hold a JSON object')]);
    expect(faultsOf({ VOXGATE_CONFIG: join(aFolder(), 'absent.json') })).toEqual([
      expect.stringContaining('absent.json'),
    ]);
  });

  it('of peers are refused by path, every fault of every peer', () => {
    const peers = {
      one: { aeTitle: 'ORTHANC\\', host: '', port: 'x' },
      two: { dicomweb: 'ftp://pacs' },
      three: { dicomweb: 'http://user:secret@pacs/dicom-web' },
      four: { dicomweb: 'http://pacs', aeTitle: 'PACS' },
      five: { aeTitle: 'FINE', host: 'pacs', port: 104, aet: 'PACS' },
      six: 'dicom://pacs',
    };
    const faults = faultsOf({}, { peers });
    expect(faults.map((fault) => fault.split(': ')[0])).toEqual([
      'peers.one.aeTitle',
      'peers.one.host',
      'peers.one.port',
      'peers.two.dicomweb',
      'peers.three.dicomweb',
      'peers.four',
      'peers.five',
      'peers.six',
    ]);
    expect(faults.join('\n')).not.toContain('secret');
  });

  it('of peers say what each may do, how it is called by TLS, and which only call us', () => {
    const fingerprint = `${'AB:'.repeat(31)}CD`;
    const peers = {
      ct: {
        aeTitle: 'CT1',
        addresses: ['10.1.0.0/16', 'fe80::1'],
        fingerprint,
        services: ['verify', 'store'],
        sopClasses: ['1.2.840.10008.5.1.4.1.1.2'],
        privateSopClasses: false,
        quota: { associations: 4, megabytes: 500 },
        characterSet: 'ISO 2022 IR 6\\ISO 2022 IR 87',
        identity: ['tech'],
        quirks: { roleSelection: false, maxPduLength: 16384 },
      },
      pacs: { aeTitle: 'PACS', host: 'pacs', port: 2762, tls: { serverName: 'pacs.local' }, worklist: true },
      own: { aeTitle: 'OWN', host: 'own', port: 104, tls: { ca: 'x.pem', cert: 'a.pem', key: 'b.pem' } },
      plain: { aeTitle: 'P', host: 'p', port: 104, tls: false },
    };
    const file = aFile({
      ...{ peers, unknownPeers: { addresses: ['127.0.0.1'] }, dimseUsers: { kiosk: null } },
      ...{ tlsCert: 'cert.pem', tlsKey: 'key.pem', tlsCa: 'ca.pem', tlsPassphrase: 'p' },
    });
    const settings = loadSettings({ VOXGATE_CONFIG: file });
    const own = { cert: 'cert.pem', key: 'key.pem', passphrase: 'p' };
    expect(settings.peers).toEqual([
      { name: 'ct', ...peers.ct, fingerprint: `${'ab'.repeat(31)}cd` },
      { name: 'pacs', ...peers.pacs, tls: { ca: 'ca.pem', ...own, serverName: 'pacs.local' } },
      { name: 'own', ...peers.own },
      { name: 'plain', aeTitle: 'P', host: 'p', port: 104 },
    ]);
    expect(settings.unknownPeers).toEqual({ addresses: ['127.0.0.1'] });
    expect(settings.identities).toEqual({ users: { kiosk: null } });
  });

  it('of callers are refused by path, every fault at once, and passcodes are not shown', () => {
    const faults = faultsOf(
      {},
      {
        peers: {
          ct: {
            aeTitle: 'CT1',
            addresses: ['10.1.0.0/33'],
            fingerprint: 'ab',
            services: ['store', 'print'],
            sopClasses: ['CT'],
            quota: { associations: 0, bytes: 1 },
            identity: false,
            quirks: { maxPduLength: 100 },
            tls: { cert: 'a.pem' },
          },
          half: { aeTitle: 'H', host: 'h' },
        },
        unknownPeers: { aeTitle: 'X', characterSet: 'latin1' },
        dimseUsers: { tech: 'plain-secret' },
        dimseTokens: { issuer: 'x' },
        routes: [{ model: 'm', deliverTo: ['half'] }],
      },
    );
    expect(faults.map((fault) => fault.split(': ')[0]).sort()).toEqual([
      'dimseTokens.key',
      'dimseUsers.tech',
      'peers.ct.addresses',
      'peers.ct.fingerprint',
      'peers.ct.identity',
      'peers.ct.quirks.maxPduLength',
      'peers.ct.quota',
      'peers.ct.quota.associations',
      'peers.ct.services',
      'peers.ct.sopClasses',
      'peers.ct.tls',
      'peers.half.port',
      'unknownPeers',
      'unknownPeers.characterSet',
    ]);
    expect(faults.join('\n')).not.toContain('secret');
  });

  it('of a route name no peer that only calls', () => {
    const faults = faultsOf({}, { peers: { ct: { aeTitle: 'CT1' } }, routes: [{ model: 'm', deliverTo: ['ct'] }] });
    expect(faults).toEqual(['routes[0].deliverTo: no peer named ct']);
  });

  it('of TLS need what belongs together, and never show the passphrase', () => {
    const files = { VOXGATE_TLS_CERT: 'cert.pem', VOXGATE_TLS_KEY: 'key.pem', VOXGATE_TLS_CA: 'ca.pem' };
    const [secure] = ['127.0.0.1:2762'];
    expect(faultsOf({ ...files, VOXGATE_DIMSE_TLS: secure, VOXGATE_DIMSE: 'off' })).toEqual([]);
    expect(faultsOf({ VOXGATE_DIMSE: 'off' })).toEqual([expect.stringContaining('VOXGATE_DIMSE: is off')]);
    expect(faultsOf({ VOXGATE_DIMSE_TLS: secure })).toEqual([
      expect.stringContaining('VOXGATE_TLS_CERT: '),
      expect.stringContaining('VOXGATE_TLS_CA: '),
    ]);
    expect(faultsOf({ VOXGATE_TLS_KEY: 'key.pem' })).toEqual([expect.stringContaining('VOXGATE_TLS_CERT: ')]);
    expect(faultsOf({ VOXGATE_TLS_CLIENT_CERT: 'maybe', VOXGATE_MEMORY_BUDGET: '1', VOXGATE_DIMSE_TLS: 'x' })).toEqual([
      expect.stringContaining('VOXGATE_DIMSE_TLS: "x"'),
      expect.stringContaining('VOXGATE_TLS_CLIENT_CERT: "maybe"'),
      expect.stringContaining('VOXGATE_MEMORY_BUDGET: "1"'),
    ]);
    const wrong = { ...files, VOXGATE_TLS_CERT: '', VOXGATE_TLS_PASSPHRASE: 'secret' };
    expect(faultsOf(wrong).join()).not.toContain('secret');
  });

  /** As text: an object with a member "then" looks like a promise. */
  const CHAINED =
    '{ "model": "m", "then": [{ "when": "segments.a.found", "model": "n", "then": [{ "when": "Rows = 1", "model": "m@2" }] }] }';

  it('of routes are refused by path, and a route may name only peers there are', () => {
    const faults = faultsOf(
      {},
      {
        peers: { pacs: { aeTitle: 'PACS', host: 'pacs', port: 0 } },
        routes: [
          { name: 'fine', model: 'm', deliverTo: ['pacs'] },
          { name: 1, when: ['Modality'], deliverTo: ['nobody', 'pacs'], urgent: 1 },
          { model: 'm', deliverTo: 'pacs', when: { Modality: null }, study: 'Modalty = CT', priority: 'soon' },
          'm',
          JSON.parse(CHAINED),
          { model: 'm', inputs: { pet: { Rows: 'x' } }, canary: { model: 'n', percent: 100 }, name: 'fine' },
        ],
      },
    );
    // The first route is at fault for nothing: its peer is there, though itself wrong.
    expect(faults).toEqual([
      'peers.pacs.port: must be a port number',
      'routes[1]: unknown key urgent',
      'routes[1].name: must be text',
      'routes[1].model: must be the name of a model',
      'routes[1].deliverTo: no peer named nobody',
      'routes[1].when: must be an object or text',
      'routes[2].deliverTo: must be a list of peer names',
      'routes[2].when.Modality: Modality is text, and null is none',
      'routes[2].study: at character 1: "Modalty" is no attribute of the standard and no fact; did you mean Modality?',
      expect.stringMatching(/^routes\[2\]\.priority: must be a whole number from -100 to 1000, "stat",/),
      'routes[3]: must be an object',
      expect.stringMatching(
        /^routes\[4\]\.then\[0\]\.then\[0\]\.when: at character 1: "Rows" is no finding: write segments/,
      ),
      'routes[4].then[0].then[0].model: m@2 would follow on itself',
      'routes[5].inputs.pet.Rows: Rows is a number, and "x" is none',
      'routes[5].canary.percent: must be a whole number from 1 to 99',
    ]);
  });
});
