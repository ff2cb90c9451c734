import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { TRANSACTIONS } from '../../src/dicomweb/router.ts';
import { DESCRIPTIONS, describeTransaction, templateOf } from '../../src/dicomweb/transaction-descriptions.ts';
import { ask } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const node = aSharedNode({ dicomwebDelete: true });
const closed = aSharedNode();

interface Told {
  readonly root: string;
  readonly transactions: readonly { readonly method: string; readonly path: string; readonly produces: string[] }[];
  readonly transferSyntaxes: readonly { readonly uid: string }[];
  readonly storageSopClasses: readonly { readonly uid: string }[];
}

/** The methods of a WADL document with the paths of the resources around them, and the templates they declare. */
function methodsOf(xml: string): { path: string; method: string; types: string[]; variables: string[] }[] {
  const methods: { path: string; method: string; types: string[]; variables: string[] }[] = [];
  const around: string[] = [];
  const variables: string[] = [];
  const ids = new Set<string>();
  const parser = new SaxesParser({ xmlns: false });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    if (name === 'resource') around.push(String(attributes['path']));
    if (name === 'param' && attributes['style'] === 'template') variables.push(String(attributes['name']));
    if (name === 'method') {
      const path = `/${around.join('/')}`;
      methods.push({ path, method: String(attributes['name']), types: [], variables: [...variables] });
      expect(ids).not.toContain(attributes['id']);
      ids.add(String(attributes['id']));
    }
    if (name === 'option') methods.at(-1)!.types.push(String(attributes['value']));
  });
  parser.on('closetag', ({ name }) => {
    if (name === 'resource') around.pop();
  });
  parser.write(xml).close();
  return methods;
}

describe('Retrieve Capabilities (PS3.18 8.9)', () => {
  it('answers OPTIONS and GET of the root with WADL, which lists every method of every resource', async () => {
    const [options, get] = await Promise.all(
      ['OPTIONS', 'GET'].map((method) => ask(node.http, '/dicom-web/', { method })),
    );
    expect([options!.status, options!.type]).toEqual([200, 'application/vnd.sun.wadl+xml; charset=utf-8']);
    expect(get!.text).toBe(options!.text);
    expect((await ask(node.http, '/dicom-web')).text).toBe(get!.text);
    const methods = methodsOf(get!.text);
    const named = methods.map(({ method, path }) => `${method} ${path}`).sort();
    expect(named).toEqual(TRANSACTIONS.map(({ method, path }) => `${method.toUpperCase()} ${templateOf(path)}`).sort());
    const frames = methods.find(({ path }) => path.endsWith('/frames/{frames}'))!;
    expect(frames.types).toContain('multipart/related; type="application/octet-stream"');
    expect(frames.variables.slice(-1)).toEqual(['frames']);
    expect(get!.text).toContain(`<resources base="${node.http}/dicom-web/">`);
  });

  it('answers JSON where that is taken, with transfer syntaxes and SOP classes, and 406 for anything else', async () => {
    const answer = await ask(node.http, '/dicom-web/', { headers: { accept: 'application/json' } });
    expect(answer.type).toBe('application/json; charset=utf-8');
    const told: Told = JSON.parse(answer.text);
    expect(told.root).toBe(`${node.http}/dicom-web`);
    expect(told.transactions).toHaveLength(TRANSACTIONS.length);
    expect(told.transferSyntaxes.map(({ uid }) => uid)).toContain('1.2.840.10008.1.2.4.80');
    expect(told.storageSopClasses.map(({ uid }) => uid)).toContain('1.2.840.10008.5.1.4.1.1.2');
    expect((await ask(node.http, '/dicom-web/', { headers: { accept: 'image/png' } })).status).toBe(406);
  });

  it('does not list what this node does not allow', async () => {
    const answer = await ask(closed.http, '/dicom-web/', { headers: { accept: 'application/json' } });
    const told: Told = JSON.parse(answer.text);
    expect(told.transactions.filter(({ method }) => method === 'DELETE')).toEqual([]);
  });
});

describe('transaction-descriptions.ts', () => {
  it('describes each row of TRANSACTIONS, once', () => {
    for (const row of TRANSACTIONS) {
      const found = DESCRIPTIONS.filter((one) => one.method.split('|').includes(row.method) && one.path.test(row.path));
      const wanted = `add a description of ${row.method} ${row.path} to src/dicomweb/transaction-descriptions.ts`;
      expect(
        found.map(({ name }) => name),
        wanted,
      ).toHaveLength(1);
    }
  });

  it('describes nothing that is not there', () => {
    const used = new Set(TRANSACTIONS.map(describeTransaction));
    expect(DESCRIPTIONS.filter((one) => !used.has(one)).map(({ name }) => name)).toEqual([]);
  });

  it.each(DESCRIPTIONS)('says of $name what it takes and gives, and with which statuses', (one) => {
    expect(one.statuses.some((status) => status < 300)).toBe(true);
    expect(one.produces.length > 0 || one.statuses.includes(204)).toBe(true);
    expect(one.consumes.length > 0).toBe(one.method === 'post');
    for (const { name, meaning } of one.parameters) expect([name, meaning]).not.toContain('');
  });
});
