/** Rows of the table of settings in config.ts. */
export const MODEL_SETTINGS = [
  {
    variable: 'VOXGATE_MODELS_LOOK_SECONDS',
    key: 'modelsLookSeconds',
    byDefault: '60',
    meaning:
      'How often the model library is looked at again where the file system tells of no change (network mounts); 0 is never, and then no change is watched for at all.',
  },
] as const;
