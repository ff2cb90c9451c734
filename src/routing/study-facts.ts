import type { Facts } from './facts.ts';

/**
 * What is known of a study as a whole. Attributes are read from one image of each of its series: what they do not agree on
 * (Modality, mostly) is asked with `any` and `every`.
 * @param priority Requested Procedure Priority of the study's order, where there is one
 */
export function studyFacts(series: readonly Facts[], priority?: string): Facts {
  const said = [priority, ...series.map(({ values }) => values['study.priority'])];
  const images = series.reduce((sum, { datasets }) => sum + datasets.length, 0);
  const ages = series.map(({ values }) => values['age']).filter((age) => age !== undefined);
  return {
    subject: 'study',
    datasets: series.flatMap(({ datasets }) => datasets.slice(0, 1)),
    values: {
      'study.series': series.length,
      'study.images': images,
      'study.priority': said.find((one) => one !== undefined),
      age: ages[0],
    },
    unknown: {
      'study.priority': 'neither its images nor an order say',
      age: 'neither the age nor the birth date is told',
    },
  };
}
