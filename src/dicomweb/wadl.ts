import { TRANSFER_SYNTAXES } from '../dicom/transfer-syntaxes.ts';
import type { Capability } from './capabilities.ts';

/**
 * The capabilities as a Web Application Description Language document (W3C submission of 2009; PS3.18 8.9.4): resources
 * inside each other as their paths are, each with its methods.
 */
export function wadl(root: string, capabilities: readonly Capability[]): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<application xmlns="http://wadl.dev.java.net/2009/02">',
    '<doc xml:lang="en" title="Voxgate DICOMweb (PS3.18)">Transfer syntaxes in which objects are kept and given back:',
    escaped(TRANSFER_SYNTAXES.map(({ uid, name }) => `${uid} ${name}`).join('; ')),
    '</doc>',
    `<resources base="${escaped(`${root}/`)}">`,
    ...methods(capabilities.filter(({ path }) => path === '/')),
    ...children('/', capabilities),
    '</resources>',
    '</application>',
  ];
  return `${lines.join('\n')}\n`;
}

/** The resources one segment below a path, and theirs. */
function children(parent: string, capabilities: readonly Capability[]): string[] {
  const below = parent === '/' ? '/' : `${parent}/`;
  const segments = new Set(
    capabilities.flatMap(({ path }) =>
      path !== '/' && path.startsWith(below) ? [path.slice(below.length).split('/')[0]!] : [],
    ),
  );
  return [...segments].flatMap((segment) => {
    const variable = /^\{(\w+)\}$/.exec(segment)?.[1];
    return [
      `<resource path="${escaped(segment)}">`,
      ...(variable === undefined
        ? []
        : [
            `<param name="${variable}" style="template" type="xs:string" xmlns:xs="http://www.w3.org/2001/XMLSchema" required="true"/>`,
          ]),
      ...methods(capabilities.filter(({ path }) => path === below + segment)),
      ...children(below + segment, capabilities),
      '</resource>',
    ];
  });
}

function methods(capabilities: readonly Capability[]): string[] {
  return capabilities.flatMap(({ method, path, name, section, consumes, produces, parameters, statuses }) => [
    `<method name="${method}" id="${idOf(path, method)}">`,
    `<doc xml:lang="en" title="${escaped(name)}">${escaped(section === null ? 'not of the standard' : `PS3.18 ${section}`)}</doc>`,
    '<request>',
    ...(produces.length === 0
      ? []
      : [
          '<param name="Accept" style="header">',
          ...produces.map((type) => `<option value="${escaped(type)}"/>`),
          '</param>',
        ]),
    ...parameters.map(
      (parameter) =>
        `<param name="${escaped(parameter.name)}" style="query"><doc xml:lang="en">${escaped(parameter.meaning)}</doc></param>`,
    ),
    ...consumes.map((type) => `<representation mediaType="${escaped(type)}"/>`),
    '</request>',
    `<response status="${statuses.filter((status) => status < 300).join(' ')}">`,
    ...produces.map((type) => `<representation mediaType="${escaped(type)}"/>`),
    '</response>',
    `<response status="${statuses.filter((status) => status >= 300).join(' ')}"/>`,
    '</method>',
  ]);
}

/** Unique in the document, as an XML ID must be: by what the resource is called without its variables. */
function idOf(path: string, method: string): string {
  return `${method}${path.replaceAll(/[{}]/g, '').replaceAll('/', '-')}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
