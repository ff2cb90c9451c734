import type { RouteSettings } from '../config.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { tagOf } from '../dicom/dictionary.ts';
import { text, texts } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { findModel, type Model, type ModelLibrary, newestModels } from '../inference/model-library.ts';

/** One model considered for a series, and what came of it. */
export interface Decision {
  readonly model: Model;
  readonly route: string | null;
  readonly deliverTo: readonly string[];
  readonly run: boolean;
  /** For a person: why, or why not. */
  readonly reason: string;
}

export interface Routing {
  readonly library: ModelLibrary;
  readonly routes: readonly RouteSettings[];
  /** Every peer: where results go when no route is configured. */
  readonly peers: readonly string[];
}

/**
 * Which models a series goes to. With routes, each route asks its own condition and then the model's manifest; without,
 * every model's newest version asks its manifest and results go to every peer.
 *
 * @param header the data set of one of its instances
 */
export function routeSeries(header: JsonDataset, { library, routes, peers }: Routing): Decision[] {
  if (routes.length === 0) {
    return newestModels(library).map((model) => decide(model, null, peers, refusalOfManifest(model, header)));
  }
  const decisions = routes.flatMap((route) => {
    const model = findModel(library, route.model);
    // A route to a model that is not there is reported at start, by name.
    if (!model) return [];
    return [
      decide(model, route.name, route.deliverTo, refusalOfRoute(route, header) ?? refusalOfManifest(model, header)),
    ];
  });
  return oneForEachModel(decisions);
}

function decide(
  model: Model,
  route: string | null,
  deliverTo: readonly string[],
  refusal: string | undefined,
): Decision {
  return { model, route, deliverTo, run: refusal === undefined, reason: refusal ?? 'Waiting for its turn.' };
}

function refusalOfRoute({ name, when = {} }: RouteSettings, header: JsonDataset): string | undefined {
  for (const [keyword, wanted] of Object.entries(when)) {
    if (tagOf(keyword) === undefined)
      return `Not run: route "${name}" asks for ${keyword}, which is no attribute of the standard.`;
    if (!texts(header, keyword).includes(String(wanted)))
      return `Not run: route "${name}" asks for ${keyword} ${wanted}${found(header, keyword)}.`;
  }
  return undefined;
}

function refusalOfManifest({ manifest }: Model, header: JsonDataset): string | undefined {
  for (const { when, otherwise } of manifest.inputs[0]!.gates) {
    const modality = text(header, 'Modality');
    if (modality !== modalityAsked(when))
      return `Not run: ${otherwise.replace(/\.$/, '')}, and this series is ${modality ?? 'without Modality'}.`;
  }
  return undefined;
}

/** @throws VoxgateError bad-model: this pipeline judges no other condition */
function modalityAsked(when: unknown): unknown {
  const asked = typeof when === 'object' && when !== null ? Object.entries(when) : [];
  if (asked.length === 1 && asked[0]![0] === 'Modality') return asked[0]![1];
  throw new VoxgateError('bad-model', `a gate asks for more than a Modality: ${JSON.stringify(when)}`);
}

/** Attributes that say what an image is, not whose: their values may stand in a reason. */
const IMPERSONAL = new Set([
  'Modality',
  'BodyPartExamined',
  'Manufacturer',
  'ManufacturerModelName',
  'ConvolutionKernel',
  'ImageType',
  'ScanOptions',
  'PatientPosition',
]);

function found(header: JsonDataset, keyword: string): string {
  if (!IMPERSONAL.has(keyword)) return ', and this series has another';
  const values = texts(header, keyword);
  return values.length === 0 ? ', and this series has none' : `, and this series has ${values.join('\\')}`;
}

/** Two routes to one model make one analysis: its results go to the peers of both. */
function oneForEachModel(decisions: readonly Decision[]): Decision[] {
  const byModel = new Map<Model, Decision>();
  for (const decision of decisions) {
    const earlier = byModel.get(decision.model);
    if (!earlier || (decision.run && !earlier.run)) byModel.set(decision.model, decision);
    else if (decision.run)
      byModel.set(decision.model, {
        ...earlier,
        deliverTo: [...new Set([...earlier.deliverTo, ...decision.deliverTo])],
      });
  }
  return [...byModel.values()];
}

/** Routes whose model is not in the library. */
export function unknownModels(
  routes: readonly RouteSettings[],
  library: ModelLibrary,
): { route: string; model: string }[] {
  return routes.filter((route) => !findModel(library, route.model)).map(({ name, model }) => ({ route: name, model }));
}
